/**
 * @file The genotype as text: DARTS's Python literal, read and printed, and JSON.
 *
 * `Genotype(normal=[('sep_conv_3x3', 1), ...], normal_concat=range(2, 6), reduce=[...], reduce_concat=range(2, 6))`. An entry is
 * (operation, input node); the node that it enters follows from its place: two entries a node (DARTS), or 2, 3, 4, ... entries
 * for the first, second, third, ... node (every edge, SNAS).
 */
import { GenotypeError } from '../../contract/errors.ts';
import { quote } from '../../contract/quote.ts';
import {
  CELL_INPUTS,
  checkGenotype,
  edgesOf,
  type Genotype,
  type GenotypeEdge,
  isOperation,
  MAX_NODE,
  OPERATIONS,
} from './genotype.ts';

type Entry = readonly [operation: string, from: number];

/** Reads the literal. Order of fields, white space, quotes and trailing commas are free, as in Python. */
export function parseGenotype(text: string): Genotype {
  const reader = new LiteralReader(text);
  const fields = reader.genotype();
  return checkGenotype({
    normal: placed('normal', fields.normal, fields.normal_concat),
    normalConcat: fields.normal_concat,
    reduce: placed('reduce', fields.reduce, fields.reduce_concat),
    reduceConcat: fields.reduce_concat,
  });
}

/** The literal, on one line. A cell must list two edges for every node, or every edge: the literal can say nothing else. */
export function printGenotype(genotype: Genotype): string {
  const entries = (type: string, edges: readonly GenotypeEdge[], concat: readonly number[]): string => {
    const list = edges.map((e): Entry => [e.operation, e.from]);
    const read = placed(type, list, concat);
    if (read.some((e, i) => e.to !== edges[i]!.to)) {
      throw new GenotypeError(
        `printGenotype: the ${type} cell lists neither two edges for each node nor all edges, which is all the literal can say; use JSON`,
      );
    }
    return `[${list.map(([operation, from]) => `('${operation}', ${from})`).join(', ')}]`;
  };
  const output = (concat: readonly number[]): string => {
    const first = concat[0]!;
    const run = concat.every((node, i) => node === first + i);
    return run ? `range(${first}, ${first + concat.length})` : `[${concat.join(', ')}]`;
  };
  const { normal, normalConcat, reduce, reduceConcat } = checkGenotype(genotype);
  return (
    `Genotype(normal=${entries('normal', normal, normalConcat)}, normal_concat=${output(normalConcat)}, ` +
    `reduce=${entries('reduce', reduce, reduceConcat)}, reduce_concat=${output(reduceConcat)})`
  );
}

/** Reads the JSON form: the fields of `Genotype`, edges as { operation, from, to }. */
export function genotypeFromJson(value: unknown): Genotype {
  const object = objectOf(value, 'a genotype');
  const edges = (name: string): GenotypeEdge[] =>
    list(object[name], name).map((item, i) => {
      const edge = objectOf(item, `${name}[${i}]`);
      const operation = edge['operation'];
      if (!isOperation(operation)) throw unknownOperation(operation);
      return { operation, from: integer(edge['from'], `${name}[${i}].from`), to: integer(edge['to'], `${name}[${i}].to`) };
    });
  const nodes = (name: string): number[] => list(object[name], name).map((item, i) => integer(item, `${name}[${i}]`));
  return checkGenotype({
    normal: edges('normal'),
    normalConcat: nodes('normalConcat'),
    reduce: edges('reduce'),
    reduceConcat: nodes('reduceConcat'),
  });
}

function objectOf(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (!isObject(value)) throw new GenotypeError(`genotypeFromJson: ${what} must be an object`);
  return value;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function list(value: unknown, what: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new GenotypeError(`genotypeFromJson: ${what} must be an array`);
  return value;
}

function integer(value: unknown, what: string): number {
  if (typeof value !== 'number' || !Number.isInteger(value))
    throw new GenotypeError(`genotypeFromJson: ${what} must be an integer`);
  return value;
}

function unknownOperation(name: unknown, position?: number): GenotypeError {
  const shown = typeof name === 'string' ? quote(name) : `of type ${typeof name}`;
  return new GenotypeError(`unknown operation ${shown}; it is one of ${OPERATIONS.join(', ')}`, position);
}

/** Gives each entry the node that it enters. */
function placed(type: string, entries: readonly Entry[], concat: readonly number[]): GenotypeEdge[] {
  const last = concat.reduce((a, b) => Math.max(a, b), CELL_INPUTS);
  const nodes = last + 1 - CELL_INPUTS;
  const all = placedAll(entries);
  const pairs = entries.length % 2 === 0 ? entries.map((_, i) => Math.floor(i / 2) + CELL_INPUTS) : undefined;
  // Where a count of entries allows both readings, the one whose last node is the last output node is meant.
  const choices = [all, pairs].flatMap((targets) => {
    const end = targets?.at(-1);
    return targets && end !== undefined && end >= last ? [{ targets, end }] : [];
  });
  const { targets } = choices.find(({ end }) => end === last) ?? choices[0] ?? {};
  if (!targets) {
    throw new GenotypeError(
      `genotype: the ${type} cell has ${entries.length} entries and outputs up to node ${last}: ` +
        `expected two entries a node (${2 * nodes}) or every edge (${(nodes * (nodes + 3)) / 2}, each input of a node once)`,
    );
  }
  return entries.map(([operation, from], i) => {
    if (!isOperation(operation)) throw unknownOperation(operation);
    return { operation, from, to: targets[i]! };
  });
}

/** Target nodes if the entries are every edge of a cell (each node's inputs once, in any order), else undefined. */
function placedAll(entries: readonly Entry[]): number[] | undefined {
  const nodes = (Math.sqrt(9 + 8 * entries.length) - 3) / 2;
  if (!Number.isInteger(nodes) || nodes < 1) return undefined;
  const targets = edgesOf(nodes).map((e) => e.to);
  const inputs = new Set(entries.map(([, from], i) => `${from} ${targets[i]}`));
  return edgesOf(nodes).every(({ from, to }) => inputs.has(`${from} ${to}`)) ? targets : undefined;
}

const FIELDS = ['normal', 'normal_concat', 'reduce', 'reduce_concat'] as const;
interface Fields {
  normal: Entry[];
  normal_concat: number[];
  reduce: Entry[];
  reduce_concat: number[];
}

/** A recursive-descent reader of just this literal; anything else is an error with its place. */
class LiteralReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  genotype(): Fields {
    this.#expect('Genotype');
    this.#expect('(');
    const found: Partial<Fields> = {};
    while (!this.#take(')')) {
      const at = this.#at;
      const name = this.#match(/[a-z_]+/y, `one of ${FIELDS.join(', ')}`);
      const field = FIELDS.find((f) => f === name);
      if (!field) throw new GenotypeError(`parseGenotype: unknown field ${quote(name)}; the fields are ${FIELDS.join(', ')}`, at);
      if (found[field]) throw new GenotypeError(`parseGenotype: '${name}' is given twice`, at);
      this.#expect('=');
      if (field === 'normal' || field === 'reduce') found[field] = this.#sequence(() => this.#entry());
      else found[field] = this.#concat();
      if (!this.#take(',')) {
        this.#expect(')');
        break;
      }
    }
    this.#space();
    if (this.#at < this.#text.length) throw this.#unexpected('the end');
    const { normal, normal_concat, reduce, reduce_concat } = found;
    if (normal && normal_concat && reduce && reduce_concat) return { normal, normal_concat, reduce, reduce_concat };
    throw new GenotypeError(`parseGenotype: ${FIELDS.filter((f) => !found[f]).join(', ')} missing`, this.#at);
  }

  #entry(): Entry {
    this.#expect('(');
    this.#space();
    const at = this.#at;
    const quoted = this.#match(/'[^']*'|"[^"]*"/y, 'an operation in quotes');
    const operation = quoted.slice(1, -1);
    if (!isOperation(operation)) throw unknownOperation(operation, at);
    this.#expect(',');
    const from = this.#integer();
    this.#take(',');
    this.#expect(')');
    return [operation, from];
  }

  /** `range(a, b)`, or a list or tuple of nodes. */
  #concat(): number[] {
    if (!this.#take('range')) return this.#sequence(() => this.#integer());
    this.#expect('(');
    const first = this.#integer();
    const [from, to] = this.#take(',') ? [first, this.#integer()] : [0, first];
    this.#expect(')');
    return Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i);
  }

  #sequence<T>(item: () => T): T[] {
    const end = this.#take('(') ? ')' : (this.#expect('['), ']');
    const items: T[] = [];
    while (!this.#take(end)) {
      items.push(item());
      if (this.#take(',')) continue;
      this.#expect(end);
      break;
    }
    return items;
  }

  #integer(): number {
    this.#space();
    const at = this.#at;
    const node = Number(this.#match(/\d+/y, 'a node number'));
    if (node > MAX_NODE + 1)
      throw new GenotypeError(`parseGenotype: node ${node} is above ${MAX_NODE}, the last that a cell may have`, at);
    return node;
  }

  #space(): void {
    while (/\s/.test(this.#text[this.#at] ?? '')) this.#at++;
  }

  #take(token: string): boolean {
    this.#space();
    if (!this.#text.startsWith(token, this.#at)) return false;
    this.#at += token.length;
    return true;
  }

  #expect(token: string): void {
    if (!this.#take(token)) throw this.#unexpected(`'${token}'`);
  }

  #match(pattern: RegExp, what: string): string {
    this.#space();
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found === undefined) throw this.#unexpected(what);
    this.#at += found.length;
    return found;
  }

  #unexpected(wanted: string): GenotypeError {
    const rest = this.#text.slice(this.#at, this.#at + 20);
    return new GenotypeError(`parseGenotype: expected ${wanted}, found ${rest === '' ? 'the end' : quote(rest)}`, this.#at);
  }
}
