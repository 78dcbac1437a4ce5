/** @file Genotypes: edges, the DARTS literal and JSON there and back, published cells, and what is refused. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { GenotypeError } from '../../../../src/contract/errors.ts';
import { genotypeFromJson, parseGenotype, printGenotype } from '../../../../src/snas/spaces/darts/genotype-literal.ts';
import {
  activeEdges,
  CELL_TYPES,
  cellOf,
  edgesOf,
  type Genotype,
  genotypeFromChoices,
  nodeCount,
  oneHotOf,
  operationNumber,
  OPERATIONS,
} from '../../../../src/snas/spaces/darts/genotype.ts';
import { genotype, PUBLISHED_LITERALS, PUBLISHED_NAMES, type PublishedName } from '../../../../src/snas/spaces/darts/published.ts';

const nodes = fc.integer({ min: 1, max: 6 });
const operation = fc.integer({ min: 0, max: OPERATIONS.length - 1 });

/** Every edge listed, any operation. */
const allEdges: fc.Arbitrary<Genotype> = nodes.chain((n) => {
  const choices = fc.array(operation, { minLength: edgesOf(n).length, maxLength: edgesOf(n).length });
  return fc.record({ normal: choices, reduce: choices }).map((c) => genotypeFromChoices(c, n));
});

/** Two edges a node, as DARTS derives them. */
const twoEdges: fc.Arbitrary<Genotype> = nodes.chain((n) => {
  const node = (to: number): fc.Arbitrary<{ operation: (typeof OPERATIONS)[number]; from: number; to: number }[]> =>
    fc
      .tuple(fc.uniqueArray(fc.integer({ min: 0, max: to - 1 }), { minLength: 2, maxLength: 2 }), operation, operation)
      .map(([from, a, b]) => [
        { operation: OPERATIONS[a]!, from: from[0]!, to },
        { operation: OPERATIONS[b]!, from: from[1]!, to },
      ]);
  const cell = fc.tuple(...Array.from({ length: n }, (_, i) => node(i + 2))).map((groups) => groups.flat());
  const concat = Array.from({ length: n }, (_, i) => i + 2);
  return fc.record({ normal: cell, reduce: cell }).map((c) => ({ ...c, normalConcat: concat, reduceConcat: concat }));
});

it('edges of a cell of four nodes are the fourteen of DARTS, into node 2 first', () => {
  expect(edgesOf(4)).toHaveLength(14);
  expect(edgesOf(2)).toEqual([
    { from: 0, to: 2 },
    { from: 1, to: 2 },
    { from: 0, to: 3 },
    { from: 1, to: 3 },
    { from: 2, to: 3 },
  ]);
});

it('reading what was printed gives the genotype again, listed by every edge or by two edges a node', () => {
  fc.assert(
    fc.property(fc.oneof(allEdges, twoEdges), (g) => {
      expect(parseGenotype(printGenotype(g))).toEqual(g);
      expect(genotypeFromJson(JSON.parse(JSON.stringify(g)))).toEqual(g);
      expect(genotype(JSON.stringify(g))).toEqual(g);
    }),
    { seed: 1, numRuns: 200 },
  );
});

it('the published literals are read, printed back to the letter, and accepted by name', () => {
  for (const name of PUBLISHED_NAMES) {
    const read = genotype(name);
    expect(printGenotype(read)).toBe(PUBLISHED_LITERALS[name]);
    expect(genotype(PUBLISHED_LITERALS[name])).toEqual(read);
    const nodes = name === 'NASNet' || name === 'AmoebaNet' ? 5 : 4;
    for (const type of CELL_TYPES) expect([name, nodeCount(read, type)]).toEqual([name, nodes]);
    expect(read.normal).toHaveLength(name.startsWith('SNAS') ? 14 : 2 * nodes);
  }
});

it('the published literals hold the published operations and inputs, entry by entry', () => {
  // operation@input in the authors' order; SNAS's operations by their index, 0 none to 7 dil_conv_5x5.
  const published: Readonly<Record<PublishedName, readonly [normal: string, reduce: string]>> = {
    DARTS_V1: [
      'sep_conv_3x3@1 sep_conv_3x3@0 skip_connect@0 sep_conv_3x3@1 skip_connect@0 sep_conv_3x3@1 sep_conv_3x3@0 skip_connect@2',
      'max_pool_3x3@0 max_pool_3x3@1 skip_connect@2 max_pool_3x3@0 max_pool_3x3@0 skip_connect@2 skip_connect@2 avg_pool_3x3@0',
    ],
    DARTS_V2: [
      'sep_conv_3x3@0 sep_conv_3x3@1 sep_conv_3x3@0 sep_conv_3x3@1 sep_conv_3x3@1 skip_connect@0 skip_connect@0 dil_conv_3x3@2',
      'max_pool_3x3@0 max_pool_3x3@1 skip_connect@2 max_pool_3x3@1 max_pool_3x3@0 skip_connect@2 skip_connect@2 max_pool_3x3@1',
    ],
    SNAS_mild: [
      '4@0 4@1 3@0 6@1 0@2 3@0 3@1 0@3 0@2 3@0 4@1 0@4 0@3 0@2',
      '1@0 1@1 0@0 1@1 3@2 0@0 1@1 3@2 0@3 1@0 7@2 0@1 0@3 0@4',
    ],
    SNAS_moderate: [
      '7@0 3@1 4@0 3@1 0@2 3@0 0@3 0@2 3@1 4@0 7@1 0@4 0@3 0@2',
      '1@0 1@1 5@0 0@2 7@1 0@3 0@2 5@0 5@1 0@4 0@3 0@2 5@0 5@1',
    ],
    SNAS_aggressive: [
      '5@0 3@1 3@0 3@1 0@2 7@1 3@0 0@2 0@3 3@0 7@1 0@2 0@3 0@4',
      '5@0 0@1 5@0 0@1 0@2 0@0 0@1 0@2 0@3 0@0 0@1 0@2 0@3 0@4',
    ],
    PC_DARTS_cifar: [
      'sep_conv_3x3@1 skip_connect@0 sep_conv_3x3@0 dil_conv_3x3@1 sep_conv_5x5@0 sep_conv_3x3@1 avg_pool_3x3@0 dil_conv_3x3@1',
      'sep_conv_5x5@1 max_pool_3x3@0 sep_conv_5x5@1 sep_conv_5x5@2 sep_conv_3x3@0 sep_conv_3x3@3 sep_conv_3x3@1 sep_conv_3x3@2',
    ],
    PC_DARTS_image: [
      'skip_connect@1 sep_conv_3x3@0 sep_conv_3x3@0 skip_connect@1 sep_conv_3x3@1 sep_conv_3x3@3 sep_conv_3x3@1 dil_conv_5x5@4',
      'sep_conv_3x3@0 skip_connect@1 dil_conv_5x5@2 max_pool_3x3@1 sep_conv_3x3@2 sep_conv_3x3@1 sep_conv_5x5@0 sep_conv_3x3@3',
    ],
    PDARTS: [
      'skip_connect@0 dil_conv_3x3@1 skip_connect@0 sep_conv_3x3@1 sep_conv_3x3@1 sep_conv_3x3@3 sep_conv_3x3@0 dil_conv_5x5@4',
      'avg_pool_3x3@0 sep_conv_5x5@1 sep_conv_3x3@0 dil_conv_5x5@2 max_pool_3x3@0 dil_conv_3x3@1 dil_conv_3x3@1 dil_conv_5x5@3',
    ],
    NASNet: [
      'sep_conv_5x5@1 sep_conv_3x3@0 sep_conv_5x5@0 sep_conv_3x3@0 avg_pool_3x3@1 skip_connect@0 avg_pool_3x3@0 avg_pool_3x3@0 sep_conv_3x3@1 skip_connect@1',
      'sep_conv_5x5@1 sep_conv_7x7@0 max_pool_3x3@1 sep_conv_7x7@0 avg_pool_3x3@1 sep_conv_5x5@0 skip_connect@3 avg_pool_3x3@2 sep_conv_3x3@2 max_pool_3x3@1',
    ],
    AmoebaNet: [
      'avg_pool_3x3@0 max_pool_3x3@1 sep_conv_3x3@0 sep_conv_5x5@2 sep_conv_3x3@0 avg_pool_3x3@3 sep_conv_3x3@1 skip_connect@1 skip_connect@0 avg_pool_3x3@1',
      'avg_pool_3x3@0 sep_conv_3x3@1 max_pool_3x3@0 sep_conv_7x7@2 sep_conv_7x7@0 avg_pool_3x3@1 max_pool_3x3@0 max_pool_3x3@1 conv_7x1_1x7@0 sep_conv_3x3@5',
    ],
  };
  const outputs: Readonly<Partial<Record<PublishedName, readonly number[][]>>> = {
    NASNet: [
      [2, 3, 4, 5, 6],
      [4, 5, 6],
    ],
    AmoebaNet: [
      [4, 5, 6],
      [3, 4, 6],
    ],
  };
  const four = [2, 3, 4, 5];
  for (const name of PUBLISHED_NAMES) {
    const { normal, reduce, normalConcat, reduceConcat } = genotype(name);
    const darts = !name.startsWith('SNAS');
    const short = (edges: Genotype['normal']): string =>
      edges.map((e) => `${darts ? e.operation : operationNumber(e.operation)}@${e.from}`).join(' ');
    expect([name, short(normal), short(reduce)]).toEqual([name, ...published[name]]);
    expect([name, normalConcat, reduceConcat]).toEqual([name, ...(outputs[name] ?? [four, four])]);
    // Two entries a node, or all of its inputs.
    const pairs = normal.map((_, i) => 2 + Math.floor(i / 2));
    const targets = darts ? pairs : [2, 2, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 5];
    expect([normal.map((e) => e.to), reduce.map((e) => e.to)]).toEqual([targets, targets]);
  }
});

it('the aggressive reduction cell of SNAS has lost its nodes 4 and 5, the moderate one keeps all', () => {
  expect(activeEdges(genotype('SNAS_aggressive'), 'reduce')).toEqual([
    { operation: 'sep_conv_5x5', from: 0, to: 2 },
    { operation: 'sep_conv_5x5', from: 0, to: 3 },
  ]);
  expect(new Set(activeEdges(genotype('SNAS_moderate'), 'reduce').map((e) => e.to))).toEqual(new Set([2, 3, 4, 5]));
});

it('an edge out of a vanished node, or into a node that reaches no output, is not active', () => {
  const cell = [
    { operation: 'none', from: 0, to: 2 },
    { operation: 'skip_connect', from: 2, to: 3 },
    { operation: 'skip_connect', from: 1, to: 4 },
    { operation: 'skip_connect', from: 0, to: 5 },
  ] as const;
  const g: Genotype = { normal: cell, normalConcat: [3, 5], reduce: cell, reduceConcat: [4] };
  expect(activeEdges(g, 'normal')).toEqual([cell[3]]);
  expect(activeEdges(g, 'reduce')).toEqual([cell[2]]);
});

it('one-hot rows choose the listed operation, and none where an edge is not listed', () => {
  const g = genotype('DARTS_V2');
  const rows = oneHotOf(g, 'normal');
  expect(rows).toHaveLength(14 * 8);
  edgesOf(4).forEach(({ from, to }, i) => {
    const chosen = OPERATIONS[rows.slice(8 * i, 8 * i + 8).indexOf(1)];
    expect(rows.slice(8 * i, 8 * i + 8).reduce((a, b) => a + b)).toBe(1);
    expect(chosen).toBe(cellOf(g, 'normal').edges.find((e) => e.from === from && e.to === to)?.operation ?? 'none');
  });
});

it('edges twice between two nodes and operations that are not searched are read, and refused where a supernet is asked for', () => {
  const twice = parseGenotype(PUBLISHED_LITERALS.DARTS_V2.replace("'dil_conv_3x3', 2", "'dil_conv_3x3', 0"));
  expect(() => oneHotOf(twice, 'normal')).toThrow(
    /oneHotOf: normal cell, edge 0 -> 5: listed twice; a supernet has one operation an edge/,
  );
  expect(() => oneHotOf(genotype('NASNet'), 'reduce')).toThrow(GenotypeError);
  expect(() => oneHotOf(genotype('NASNet'), 'reduce')).toThrow(
    /edge 0 -> 2: sep_conv_7x7 is none of the operations that are searched/,
  );
  expect(() => oneHotOf(genotype('PDARTS'), 'reduce')).not.toThrow();
});

it('JSON that is not a genotype is refused by name of the field', () => {
  const good = genotype('DARTS_V1');
  expect(() => genotypeFromJson(null)).toThrow(/a genotype must be an object/);
  expect(() => genotypeFromJson({ ...good, normal: 3 })).toThrow(/normal must be an array/);
  expect(() => genotypeFromJson({ ...good, reduce: [{ operation: 'conv', from: 0, to: 2 }] })).toThrow(/unknown operation 'conv'/);
  expect(() => genotypeFromJson({ ...good, reduceConcat: ['2'] })).toThrow(/reduceConcat\[0\] must be an integer/);
  expect(() => genotype('{')).toThrow(GenotypeError);
  expect(() => genotype('SNAS_gentle')).toThrow(/none of the published names/);
});
