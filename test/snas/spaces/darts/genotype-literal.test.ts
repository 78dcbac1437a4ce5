/** @file DARTS's literal as people paste it: what is read, and that every refusal says line, column and what was expected. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GenotypeError } from '../../../../src/contract/errors.ts';
import { parseGenotype } from '../../../../src/snas/spaces/darts/genotype-literal.ts';
import {
  edgesOf,
  type Genotype,
  type GenotypeEdge,
  OPERATIONS,
  OTHER_OPERATIONS,
} from '../../../../src/snas/spaces/darts/genotype.ts';
import { genotype, PUBLISHED_LITERALS } from '../../../../src/snas/spaces/darts/published.ts';

const good = PUBLISHED_LITERALS.DARTS_V2;
const expected = genotype('DARTS_V2');

/** The error that reading a literal gives. */
function refusal(text: string): GenotypeError | undefined {
  try {
    parseGenotype(text);
  } catch (error) {
    if (error instanceof GenotypeError) return error;
    throw error;
  }
  return undefined;
}

describe('is read', () => {
  const lines = good.replaceAll(', ', ',\n    ').replace('Genotype(', 'Genotype(\n    ').replace(/\)$/, ',\n)');
  const cases: Readonly<Record<string, string>> = {
    'as an assignment': `DARTS_V2 = ${good}`,
    'as an assignment with a type and a line end': `genotype: Genotype = ${good}\n`,
    'from a module': `best = genotypes.${good}`,
    'over several lines': lines,
    'over several lines of Windows': lines.replaceAll('\n', '\r\n'),
    'over lines that are continued': `DARTS_V2 = \\\n${good.replace(', reduce=', ', \\\nreduce=')}`,
    'at the end of a line of a log': `2018-07-05 12:31:07,412 PM epoch 49 lr 1.0e-03 genotype = ${good}`,
    'at the end of a log': `epoch 49\ntensor([[0.1, 0.2]])\nvalid_acc 88.2\nINFO genotype = ${good}\n\n`,
    'with comments': `# found by second order\n${lines.replace('(\n', '( # two cells\n').replace('reduce=', '# [ " not this\n reduce=')}  # end`,
    'with trailing commas': good
      .replaceAll(')]', '),]')
      .replaceAll(/'(\w+)', (\d)\)/g, "'$1', $2,)")
      .replace(/\)$/, ',)'),
    'as an entry of a dictionary': `"DARTS_V2": ${good},`,
    'in tuples': good.replaceAll('[', '(').replaceAll(']', ')'),
    'in lists': good.replaceAll(/\(('\w+', \d)\)/g, '[$1]'),
    "with NumPy's numbers": good.replaceAll(/, (\d)\)/g, ', np.int64($1))').replaceAll('range(2', 'range(np.int64(2)'),
    "with NumPy's numbers and names of version 2": good.replaceAll(/\(('\w+'), (\d)\)/g, '(np.str_($1), numpy.int32($2))'),
    'with a None after the node': good.replaceAll(/'(\w+)', (\d)\)/g, "'$1', $2, None)"),
    'with double quotes, and those of Python 2': good.replaceAll("'", '"').replace('("', '(u"'),
    'with a list of output nodes': good.replace('range(2, 6)', '[2, 3, 4, 5]').replace('range(2, 6)', '(2, 3, 4, 5)'),
    'with list(range(...))': good
      .replace('range(2, 6), reduce', 'list(range(2, 6)), reduce')
      .replace('=range(2, 6))', '=tuple(range(2, 6, 1)))'),
    'in another order of fields': good.replace(/\((normal=.*), (reduce=.*)\)$/, '($2, $1)'),
    'without blanks': good.replaceAll(' ', ''),
    'with a list for each node': good.replaceAll(/(\('\w+', \d\)), (\('\w+', \d\))/g, '[$1, $2]'),
    'with a tuple of tuples for each node': good
      .replaceAll(/(\('\w+', \d\)), (\('\w+', \d\))/g, '($1, $2)')
      .replaceAll('[', '(')
      .replaceAll(']', ')'),
  };
  for (const [how, text] of Object.entries(cases)) {
    it(how, () => {
      expect(text === good && how !== 'plain').toBe(false);
      expect(parseGenotype(text)).toEqual(expected);
      expect(genotype(text)).toEqual(expected);
    });
  }

  it('with a list for each node, of as many entries as it has, none among them', () => {
    const cell = "[[('skip_connect', 1)], [], [('none', 0), ('conv_1x1', 2), ('conv_3x3', 2)]]";
    const found = parseGenotype(
      `Genotype(normal=${cell}, normal_concat=[2, 4], reduce=([('none', 0)],), reduce_concat=range(2, 3))`,
    );
    expect(found.normal.map((e) => [e.operation, e.from, e.to])).toEqual([
      ['skip_connect', 1, 2],
      ['none', 0, 4],
      ['conv_1x1', 2, 4],
      ['conv_3x3', 2, 4],
    ]);
    expect(found.reduce).toEqual([{ operation: 'none', from: 0, to: 2 }]);
  });
});

/** Every way of writing that is read, drawn at random: a text, and the genotype that it means. */
const written: fc.Arbitrary<{ readonly text: string; readonly means: Genotype }> = fc
  .record({
    nodes: fc.integer({ min: 1, max: 5 }),
    style: fc.constantFrom('pairs', 'all', 'nested'),
    seed: fc.infiniteStream(fc.nat()),
  })
  .map(({ nodes, style, seed }) => {
    const draw = (n: number): number => (seed.next().value as number) % n;
    const any = <T>(list: readonly T[]): T => list[draw(list.length)]!;
    const names = [...OPERATIONS, ...OTHER_OPERATIONS];
    const cell = (): GenotypeEdge[] =>
      style === 'all'
        ? edgesOf(nodes).map((edge) => ({ operation: any(names), ...edge }))
        : Array.from({ length: nodes }, (_, i) => i + 2).flatMap((to) =>
            Array.from({ length: style === 'pairs' ? 2 : 1 + draw(3) }, () => ({ operation: any(names), from: draw(to), to })),
          );
    const concat = (): number[] => [...(nodes > 1 && draw(2) ? [2] : []), nodes + 1];
    const space = (): string => any(['', ' ', '\n', '  \t', '\r\n', ' # word ( [ \' "\n', '\\\n']);
    const comma = (): string => any(['', `,${space()}`]);
    const integer = (v: number): string => any([String(v), `np.int64(${space()}${v})`, `int(${v})`]);
    const listed = (items: readonly string[]): string => {
      const inner = items.map((item, i) => `${space()}${item}${space()}${i < items.length - 1 ? ',' : ''}`).join('');
      return any([`[${inner}${comma()}]`, `(${inner},${space()})`]);
    };
    const entry = ({ operation, from }: GenotypeEdge): string => {
      const quotes = any(["'", '"']);
      const name = any([`${quotes}${operation}${quotes}`, `np.str_(${quotes}${operation}${quotes})`]);
      const inner = `${space()}${name}${space()},${space()}${integer(from)}${space()}${any(['', ',', ', None', ', None,'])}`;
      return any([`(${inner})`, `[${inner}]`]);
    };
    const cellText = (edges: readonly GenotypeEdge[]): string =>
      style === 'nested'
        ? listed(Array.from({ length: nodes }, (_, i) => listed(edges.filter((e) => e.to === i + 2).map(entry))))
        : listed(edges.map(entry));
    const concatText = (list: readonly number[]): string => {
      const range = `range(${integer(list[0]!)}, ${integer(list.at(-1)! + 1)}${any(['', ', 1'])})`;
      const plain = listed(list.map(integer));
      const whole = list.at(-1)! - list[0]! + 1 === list.length ? any([range, plain]) : plain;
      return any([whole, `list(${whole})`]);
    };
    const means = { normal: cell(), normalConcat: concat(), reduce: cell(), reduceConcat: concat() };
    const fields = [
      `normal${space()}=${space()}${cellText(means.normal)}`,
      `normal_concat=${concatText(means.normalConcat)}`,
      `reduce=${cellText(means.reduce)}`,
      `reduce_concat${space()}=${concatText(means.reduceConcat)}`,
    ];
    const from = draw(4);
    const turned = [...fields.slice(from), ...fields.slice(0, from)];
    const before = any(['', 'X = ', '07/05 12:31 genotype = ', '# one\n\nX = genotypes.', '"X": ']);
    const text = `${before}Genotype${any(['', ' '])}(${space()}${turned.join(`${space()},${space()}`)}${comma()})${any(['', ',', '\n', ' # end'])}`;
    return { text, means };
  });

it('whatever mixture of these is read as what it means (2,000 texts)', () => {
  fc.assert(
    fc.property(written, ({ text, means }) => {
      expect(parseGenotype(text)).toEqual(means);
    }),
    { seed: 3, numRuns: 2000 },
  );
});

describe('is refused with the place and what was expected', () => {
  const cell = "[('none', 0), ('none', 1)]";
  const small = (changes: Readonly<Record<string, string>> = {}): string => {
    const fields = { normal: cell, normal_concat: '[2]', reduce: cell, reduce_concat: '[2]', ...changes };
    return `X = Genotype(\n${Object.entries(fields)
      .map(([name, value]) => `  ${name}=${value},`)
      .join('\n')}\n)`;
  };
  const cases: readonly (readonly [what: string, text: string, line: number, column: number, message: RegExp])[] = [
    ['nothing', '', 1, 1, /expected 'Genotype\(', found the end/],
    ['no literal', '\n DARTS_V2', 2, 2, /expected 'Genotype\(', found 'DARTS_V2'/],
    ['another class', 'Genotype3(normal=[])', 1, 1, /expected 'Genotype\(', found 'Genotype3'/],
    ['no parenthesis', ' Genotype [', 1, 11, /expected '\(', found '\['/],
    ['the end before the end', small().slice(0, -1).trimEnd(), 5, 21, /expected '\)', found the end/],
    ['more after it', `${small()}\n  x`, 7, 3, /expected the end, found 'x'/],
    ['two of them', `${small()}\n${small()}`, 7, 1, /expected the end, found 'X'/],
    ['an unknown field', small().replace('reduce=', 'reduction='), 4, 3, /expected reduce, reduce_concat, found 'reduction'/],
    [
      'a field given twice',
      small().replace('reduce=', 'normal='),
      4,
      3,
      /expected reduce, reduce_concat, found 'normal': it is given already/,
    ],
    ['a field that is missing', small().replace('  reduce_concat=[2],\n', ''), 5, 1, /expected reduce_concat, found '\)'/],
    ['fields without a comma', small().replace('[2],', '[2]'), 4, 3, /expected ',', found 'reduce'/],
    [
      'a field in quotes',
      small().replace('normal=', "'normal'="),
      2,
      3,
      /expected normal, normal_concat, reduce, reduce_concat, found 'normal'/,
    ],
    ['no equals sign', small().replace('normal=', 'normal:'), 2, 9, /expected '=', found ':\[\('none', 0\), \('non/],
    ['no list', small({ normal: 'None' }), 2, 10, /expected a list or a tuple, found 'None'/],
    ['an operation without quotes', small({ normal: '[(none, 0)]' }), 2, 12, /expected an operation in quotes, found 'none'/],
    [
      'a quote that is not closed',
      small({ normal: "[('none, 0)]" }),
      2,
      12,
      /expected an operation in quotes, found ''none, 0\)\],/,
    ],
    [
      'an unknown operation',
      small({ normal: "[('conv_9x9', 0)]" }),
      2,
      12,
      /expected one of none, max_pool_3x3, .*, found 'conv_9x9': unknown operation/,
    ],
    ['no node', small({ normal: "[('none')]" }), 2, 18, /expected ',', found '\)'/],
    ['a node that is no number', small({ normal: "[('none', x)]" }), 2, 20, /expected a node number, found 'x'/],
    ['a negative node', small({ normal: "[('none', -1)]" }), 2, 20, /expected a node number, found '-1\)\],/],
    ['a fraction', small({ normal: "[('none', 0.5)]" }), 2, 21, /expected '\)', found '\.5\)\],/],
    ['a third element', small({ normal: "[('none', 0, 2)]" }), 2, 23, /expected '\)', found '2'/],
    ['another parenthesis', small({ normal: "[('none', 0]]" }), 2, 21, /expected '\)', found '\]'/],
    ['entries without a comma', small({ normal: "[('none', 0) ('none', 1)]" }), 2, 23, /expected ',' or '\]', found '\('/],
    ['nested more than twice', small({ normal: "[[[('none', 0)]]]" }), 2, 13, /expected an operation in quotes, found '\('/],
    ['an entry among lists', small({ normal: `[${cell}, ('none', 0)]` }), 2, 39, /expected a node's list of entries, as before it/],
    [
      'a list among entries',
      small({ normal: `[('none', 0), ${cell}]` }),
      2,
      24,
      /expected an entry \(operation, node\), as before it/,
    ],
    ['no entry', small({ normal: '[]' }), 2, 10, /expected at least one entry, found none/],
    ['a node far away', small({ normal: "[('none', 1000), ('none', 1)]" }), 2, 20, /expected a node from 0 to 999, found '1000'/],
    [
      'a node after its own',
      small({ normal: "[('none', 2), ('none', 1)]" }),
      2,
      20,
      /expected a node before node 2, which the entry is for, found '2'/,
    ],
    [
      'too few entries',
      small({ normal_concat: '[2, 3]' }),
      2,
      10,
      /expected two entries a node \(4\) or every edge \(5, each .*\) for outputs up to node 3, found 2/,
    ],
    ['no output', small({ normal_concat: 'range(6, 2)' }), 3, 17, /expected at least one output node, found none/],
    ['an input as an output', small({ normal_concat: '[1, 2]' }), 3, 18, /expected distinct intermediate nodes, 2 to 999, found 1/],
    ['an output twice', small({ normal_concat: '[2, 2]' }), 3, 21, /expected distinct intermediate nodes, 2 to 999, found 2 again/],
    [
      'an output that has no list',
      small({ normal: `[${cell}]`, normal_concat: '[2, 3]' }),
      3,
      21,
      /expected nodes up to 2, the last that has a list, found 3/,
    ],
    [
      'a range of millions',
      small({ normal_concat: 'range(2, 99999999)' }),
      3,
      26,
      /expected a number from 0 to 1000, found '99999999'/,
    ],
    ['a step of nothing', small({ normal_concat: 'range(2, 3, 0)' }), 3, 29, /expected a step of 1 or more, found '0'/],
    ['outputs that are no list', small({ normal_concat: '2' }), 3, 17, /expected range\(, a list or a tuple of nodes, found '2'/],
    ['numbers in numbers', small({ normal_concat: '[int(int(2))]' }), 3, 22, /expected a node number, found 'int'/],
    ['characters that are two units', '\u{1F600} Genotype(x', 1, 12, /expected normal, .*, found 'x'/],
  ];
  it.each(cases)('%s', (_what, text, line, column, message) => {
    const error = refusal(text);
    expect(error?.message).toMatch(message);
    expect([error?.place?.line, error?.place?.column]).toEqual([line, column]);
    expect(error?.message.endsWith(`(line ${line}, column ${column})`)).toBe(true);
    expect(error?.message).toContain(`expected ${error?.place?.expected}, `);
    expect(error?.message).not.toContain('\n');
  });
});

/** The character of a text at a line and column, counted line by line: the other way about. */
function positionOf(text: string, line: number, column: number): number {
  const lines = text.split(/(?<=\r\n|\n|\r(?!\n))/);
  const before = lines.slice(0, line - 1).join('');
  return (
    before.length +
    Array.from(lines[line - 1] ?? '')
      .slice(0, column - 1)
      .join('').length
  );
}

it('an altered text is read, or refused with line, column and what was expected, never otherwise (6,000 texts)', () => {
  let refused = 0;
  const pieces = fc.oneof(
    fc.string({ maxLength: 4 }),
    fc.string({ unit: 'grapheme', maxLength: 2 }),
    fc.constantFrom(
      '(',
      ')',
      '[',
      ']',
      ',',
      "'",
      '"',
      '#',
      '\n',
      '\r\n',
      '\\',
      'None',
      'np.int64(',
      'range(',
      'list(',
      '0',
      '999',
      '1e9',
      'Genotype(',
    ),
  );
  const altered = fc
    .tuple(written, fc.array(fc.tuple(fc.nat(), fc.nat({ max: 12 }), pieces), { minLength: 1, maxLength: 3 }))
    .map(([{ text }, changes]) =>
      changes.reduce((t, [at, cut, insert]) => {
        const from = at % (t.length + 1);
        return t.slice(0, from) + insert + t.slice(from + cut);
      }, text),
    );
  fc.assert(
    fc.property(altered, (text) => {
      const error = refusal(text);
      if (!error) return;
      refused++;
      const place = error.place!;
      expect(place.expected).not.toBe('');
      expect(error.message).toContain(`expected ${place.expected}, `);
      expect(positionOf(text, place.line, place.column)).toBe(place.position);
      expect(place.position).toBeLessThanOrEqual(text.length);
    }),
    { seed: 2, numRuns: 6000 },
  );
  expect(refused).toBeGreaterThan(3000);
});

it('a text of millions of characters is read or refused in a moment, whatever it is made of', () => {
  const many = (text: string): string => text.repeat(2_000_000 / text.length);
  const texts = [
    many(' '),
    many('Genotype '),
    `Genotype(${many(' ')}`,
    `Genotype(${many('#\n')}`,
    `Genotype(normal=[('${many('x')}', 0)])`,
    `Genotype(${many('x')}`,
    `Genotype(normal_concat=[${many('2,')}`,
    `Genotype(normal_concat=range(2, ${many('9')})`,
    `Genotype(normal_concat=${many('[')}`,
    `Genotype(normal_concat=${many('list(')}`,
    `Genotype(normal=[('none', ${many('int(')}`,
    `Genotype(normal=${many('[')}`,
    `Genotype(normal=[${many("('none', 0), ")}], normal_concat=[2], reduce=[('none', 0), ('none', 1)], reduce_concat=[2])`,
  ];
  for (const text of texts) {
    const from = performance.now();
    expect(refusal(text)?.place).toBeDefined();
    expect([text.slice(0, 30), performance.now() - from < 2000]).toEqual([text.slice(0, 30), true]);
  }
});
