/** @file Reads DARTS's literal as people paste it: a recursive descent of which every refusal has its line, its column and what was expected. */
import { CELL_INPUTS, edgesOf, type Genotype, type GenotypeEdge, isOperation, MAX_NODE, operationNames } from './genotype.ts';
import { type Token, Tokens } from './literal-tokens.ts';

const FIELDS = ['normal', 'normal_concat', 'reduce', 'reduce_concat'] as const;
type Field = (typeof FIELDS)[number];

/** An operation and the node that it comes from; the tokens where it begins, and of the node. */
interface Entry {
  readonly operation: GenotypeEdge['operation'];
  readonly from: number;
  readonly at: Token;
  readonly node: Token;
}

interface Cell {
  readonly at: Token;
  readonly entries: readonly Entry[];
  /** How many entries each node has, where the literal has a list for each. */
  readonly nodes: readonly number[] | undefined;
}

/** Output nodes with their tokens. */
interface Concat {
  readonly at: Token;
  readonly nodes: readonly { readonly node: number; readonly at: Token }[];
}

/** Whether a text has a literal in it. */
export function hasLiteral(text: string): boolean {
  return start(text) !== undefined;
}

function start(text: string): number | undefined {
  return /\bGenotype\s{0,99}\(/.exec(text)?.index;
}

/**
 * Reads the literal that a text has or ends in: what stands before it (an assignment, the words of a log) is passed over, and only
 * comments and a comma may follow. GenotypeError with line, column and what was expected there.
 */
export class LiteralReader {
  readonly #tokens: Tokens;

  constructor(text: string) {
    this.#tokens = new Tokens(text, start(text) ?? 0);
  }

  genotype(): Genotype {
    const tokens = this.#tokens;
    if (!tokens.takeIf('Genotype')) throw tokens.expected("'Genotype('");
    this.#expect('(');
    const fields = new Map<Field, Cell | Concat>();
    const left = (): Field[] => FIELDS.filter((field) => !fields.has(field));
    while (left().length > 0) {
      const at = tokens.next;
      const field = at.kind === 'name' ? left().find((name) => name === at.text) : undefined;
      if (!field)
        throw tokens.expected(left().join(', '), at, FIELDS.some((name) => name === at.text) ? 'it is given already' : undefined);
      tokens.take();
      this.#expect('=');
      fields.set(field, field === 'normal' || field === 'reduce' ? this.#cell() : this.#concat());
      if (!tokens.takeIf(',') && left().length > 0) throw tokens.expected(tokens.next.text === ')' ? left().join(', ') : "','");
    }
    this.#expect(')');
    tokens.takeIf(',');
    if (tokens.next.kind !== 'end') throw tokens.expected('the end');
    const [normalConcat, reduceConcat] = [fields.get('normal_concat') as Concat, fields.get('reduce_concat') as Concat];
    return {
      normal: this.#placed(fields.get('normal') as Cell, normalConcat),
      normalConcat: normalConcat.nodes.map(({ node }) => node),
      reduce: this.#placed(fields.get('reduce') as Cell, reduceConcat),
      reduceConcat: reduceConcat.nodes.map(({ node }) => node),
    };
  }

  /** A list of entries, or of such a list for each node. */
  #cell(): Cell {
    const at = this.#tokens.next;
    const { items, grouped } = this.#converted(() => this.#sequence((): Entry | Cell => this.#entryOrNode()));
    const [first] = items;
    // Parentheses around one list without a comma are no tuple.
    if (grouped && first && 'entries' in first) return { at, entries: first.entries, nodes: undefined };
    const nodes = items.filter((item) => 'entries' in item);
    if (nodes.length === 0) return { at, entries: items as readonly Entry[], nodes: undefined };
    const stray = items.find((item) => 'entries' in item !== 'entries' in first!);
    if (stray) {
      const what = 'entries' in first! ? "a node's list of entries" : 'an entry (operation, node)';
      throw this.#tokens.refuse(what, stray.at, 'as before it');
    }
    return { at, entries: nodes.flatMap((node) => node.entries), nodes: nodes.map((node) => node.entries.length) };
  }

  #entryOrNode(): Entry | Cell {
    const tokens = this.#tokens;
    const at = tokens.next;
    const end = this.#open('an entry (operation, node)');
    const { next } = tokens;
    if (next.text === '[' || next.text === '(' || next.text === end) {
      if (next.kind === 'mark') return { at, entries: this.#items(end, () => this.#entry()).items, nodes: undefined };
    }
    return this.#rest(at, end);
  }

  #entry(): Entry {
    const at = this.#tokens.next;
    return this.#rest(at, this.#open('an entry (operation, node)'));
  }

  /** An entry after its parenthesis: an operation, a node, and perhaps None. */
  #rest(at: Token, end: ')' | ']'): Entry {
    const tokens = this.#tokens;
    const operation = this.#operation();
    this.#expect(',');
    const node = tokens.next;
    const from = this.#integer('a node number');
    if (from > MAX_NODE) throw tokens.expected(`a node from 0 to ${MAX_NODE}`, node);
    if (tokens.takeIf(',') && tokens.takeIf('None')) tokens.takeIf(',');
    this.#expect(end);
    return { operation, from, at, node };
  }

  #operation(): GenotypeEdge['operation'] {
    const tokens = this.#tokens;
    // NumPy 2 shows a string as np.str_('none').
    const called = tokens.next.kind === 'name' && /^(?:(?:np|numpy)\.)?str_?$/.test(tokens.next.text);
    if (called) {
      tokens.take();
      this.#expect('(');
    }
    const at = tokens.next;
    if (at.kind !== 'string') throw tokens.expected('an operation in quotes');
    if (!isOperation(at.text)) throw tokens.expected(`one of ${operationNames().join(', ')}`, at, 'unknown operation');
    tokens.take();
    if (called) this.#expect(')');
    return at.text;
  }

  /** `range(a, b)`, a list or tuple of nodes, or list(...) or tuple(...) of either. */
  #concat(): Concat {
    const tokens = this.#tokens;
    const at = tokens.next;
    return this.#converted(() => this.#outputs(at));
  }

  /** What list(...) or tuple(...) makes of, or that without them. */
  #converted<T>(read: () => T): T {
    if (!this.#tokens.takeIf('list') && !this.#tokens.takeIf('tuple')) return read();
    this.#expect('(');
    const inner = read();
    this.#expect(')');
    return inner;
  }

  #outputs(at: Token): Concat {
    const tokens = this.#tokens;
    const seen = new Set<number>();
    const output = (node: number, place: Token): Concat['nodes'][number] => {
      if (node < CELL_INPUTS || node > MAX_NODE || seen.has(node)) {
        const found = `found ${node}${seen.has(node) ? ' again' : ''}`;
        throw tokens.refuse(`distinct intermediate nodes, ${CELL_INPUTS} to ${MAX_NODE}`, place, found);
      }
      seen.add(node);
      return { node, at: place };
    };
    const item = (): Concat['nodes'][number] => {
      const place = tokens.next;
      return output(this.#integer('a node number'), place);
    };
    const nodes = tokens.takeIf('range')
      ? this.#range().map((node) => output(node, at))
      : this.#sequence(item, 'range(, a list or a tuple of nodes').items;
    if (nodes.length === 0) throw tokens.refuse('at least one output node', at, 'found none');
    return { at, nodes };
  }

  #range(): number[] {
    this.#expect('(');
    const bounds: number[] = [];
    do {
      const at = this.#tokens.next;
      const bound = this.#integer('a node number');
      if (bound > MAX_NODE + 1) throw this.#tokens.expected(`a number from 0 to ${MAX_NODE + 1}`, at);
      if (bounds.length === 2 && bound === 0) throw this.#tokens.expected('a step of 1 or more', at);
      bounds.push(bound);
    } while (bounds.length < 3 && this.#tokens.takeIf(','));
    this.#expect(')');
    const [from, to, step = 1] = bounds.length === 1 ? [0, bounds[0]!] : (bounds as [number, number, number?]);
    return Array.from({ length: Math.max(0, Math.ceil((to - from) / step)) }, (_, i) => from + i * step);
  }

  #open(what: string): ')' | ']' {
    if (this.#tokens.takeIf('(')) return ')';
    if (this.#tokens.takeIf('[')) return ']';
    throw this.#tokens.expected(what);
  }

  #sequence<T>(item: () => T, what = 'a list or a tuple'): { readonly items: readonly T[]; readonly grouped: boolean } {
    const end = this.#open(what);
    const { items, comma } = this.#items(end, item);
    return { items, grouped: end === ')' && !comma };
  }

  /** What stands before a closing parenthesis, and whether there was a comma. */
  #items<T>(end: ')' | ']', item: () => T): { readonly items: readonly T[]; readonly comma: boolean } {
    const items: T[] = [];
    let comma = false;
    while (!this.#tokens.takeIf(end)) {
      items.push(item());
      if (this.#tokens.takeIf(',')) {
        comma = true;
        continue;
      }
      this.#expect(end, "',' or ");
      break;
    }
    return { items, comma };
  }

  /** A number, or one in np.int64(...). */
  #integer(what: string): number {
    const tokens = this.#tokens;
    if (tokens.next.kind === 'name' && /^(?:(?:np|numpy)\.)?u?int(?:8|16|32|64|p)?$/.test(tokens.next.text)) {
      tokens.take();
      this.#expect('(');
      const inner = this.#number(what);
      this.#expect(')');
      return inner;
    }
    return this.#number(what);
  }

  #number(what: string): number {
    if (this.#tokens.next.kind !== 'number') throw this.#tokens.expected(what);
    return Number(this.#tokens.take().text);
  }

  #expect(mark: string, or = ''): void {
    if (!this.#tokens.takeIf(mark)) throw this.#tokens.expected(`${or}'${mark}'`);
  }

  /** Gives each entry the node that it enters. */
  #placed(cell: Cell, concat: Concat): GenotypeEdge[] {
    const tokens = this.#tokens;
    const { at, entries } = cell;
    if (entries.length === 0) throw tokens.refuse('at least one entry', at, 'found none');
    const targets = cell.nodes ? this.#listed(cell.nodes, concat) : this.#counted(cell, concat);
    return entries.map(({ operation, from, at: place, node }, i) => {
      const to = targets[i]!;
      if (to > MAX_NODE) throw tokens.refuse(`an entry of a node up to ${MAX_NODE}`, place, `found one of node ${to}`);
      if (from >= to) throw tokens.expected(`a node before node ${to}, which the entry is for`, node);
      return { operation, from, to };
    });
  }

  #listed(counts: readonly number[], concat: Concat): number[] {
    const last = counts.length - 1 + CELL_INPUTS;
    const beyond = concat.nodes.find(({ node }) => node > last);
    if (beyond) throw this.#tokens.refuse(`nodes up to ${last}, the last that has a list`, beyond.at, `found ${beyond.node}`);
    return counts.flatMap((count, i) => Array.from({ length: count }, () => i + CELL_INPUTS));
  }

  #counted({ at, entries }: Cell, concat: Concat): readonly number[] {
    const last = concat.nodes.reduce((most, { node }) => Math.max(most, node), CELL_INPUTS);
    const found = targetsOf(
      entries.map((e) => e.from),
      last,
    );
    if (found) return found;
    const nodes = last + 1 - CELL_INPUTS;
    throw this.#tokens.refuse(
      `two entries a node (${2 * nodes}) or every edge (${(nodes * (nodes + 3)) / 2}, each input of a node once) for outputs up to node ${last}`,
      at,
      `found ${entries.length}`,
    );
  }
}

/**
 * The nodes that the entries of a list enter: two entries a node, or every edge of a cell (each node's inputs once, in any order). Where a count
 * allows both, the reading whose last node is the last output node is meant. Undefined if neither reaches that.
 */
export function targetsOf(from: readonly number[], last: number): readonly number[] | undefined {
  const pairs = from.length % 2 === 0 ? from.map((_, i) => Math.floor(i / 2) + CELL_INPUTS) : undefined;
  const choices = [allTargets(from), pairs].flatMap((targets) => {
    const end = targets?.at(-1);
    return targets && end !== undefined && end >= last ? [{ targets, end }] : [];
  });
  return (choices.find(({ end }) => end === last) ?? choices[0])?.targets;
}

function allTargets(from: readonly number[]): number[] | undefined {
  const nodes = (Math.sqrt(9 + 8 * from.length) - 3) / 2;
  if (!Number.isInteger(nodes) || nodes < 1) return undefined;
  const edges = edgesOf(nodes);
  const inputs = new Set(from.map((node, i) => `${node} ${edges[i]!.to}`));
  return edges.every((edge) => inputs.has(`${edge.from} ${edge.to}`)) ? edges.map((edge) => edge.to) : undefined;
}
