/** @file Genotypes of other searches: NASNet's, AmoebaNet's, PC-DARTS's and P-DARTS's build, train, are counted and drawn. */
import { describe, expect, it } from 'vitest';
import { cpu, crossEntropy, grad, key, normals, scope, type Tensor } from '../../../../../src/index.ts';
import { SGD } from '../../../../../src/optim/index.ts';
import {
  activeEdges,
  CELL_TYPES,
  ChildNetwork,
  childSize,
  countCost,
  drawCell,
  genotype,
  genotypeArchitecture,
  type Genotype,
  OTHER_OPERATIONS,
  parseGenotype,
  PUBLISHED_NAMES,
} from '../../../../../src/snas/index.ts';
import { cellShapes } from '../../../../../src/snas/spaces/darts/network.ts';

const device = cpu({ dtype: 'float64' });
const config = { channels: 4, cells: 5, classes: 3, inChannels: 2 } as const;

/** Every operation that is not searched, one node each, with an output of some of the nodes. */
const everyOther: Genotype = (() => {
  const cell = OTHER_OPERATIONS.flatMap((operation, i) => [
    { operation, from: i % 2, to: i + 2 },
    { operation, from: i + 1, to: i + 2 },
  ]);
  const last = OTHER_OPERATIONS.length + 1;
  return { normal: cell, normalConcat: [3, last], reduce: cell, reduceConcat: [last] };
})();

const cells: readonly (readonly [string, Genotype])[] = [
  ...PUBLISHED_NAMES.map((name) => [name, genotype(name)] as const),
  ['every other operation', everyOther],
  [
    'a cell of one node',
    parseGenotype(
      "Genotype(normal=[('conv_3x3', 0), ('skip_connect', 1)], normal_concat=[2], reduce=[('conv_7x1_1x7', 1), ('skip_connect', 0)], reduce_concat=[2])",
    ),
  ],
];

describe.each(cells)('%s', (_name, found) => {
  const images = device.parameter(normals(key(3), 4 * 2 * 16 * 12), [4, 2, 16, 12]);

  it('trains one step: the loss is finite, every weight has a gradient that is not zero, and the loss falls', async () => {
    const network = new ChildNetwork(device, key(1), config, found);
    const labels = [0, 1, 2, 1];
    const loss = (): Tensor => crossEntropy(network.forward(images), labels);
    const parameters = network.namedParameters();
    const weights = parameters.map(([, p]) => p);
    /** Adapts an input of a cell from which no edge leaves. */
    const idle = (name: string): boolean => {
      const [, cell, input] = /^cells\.(\d+)\.preprocess(\d)\./.exec(name) ?? [];
      return cell !== undefined && network.cells[Number(cell)]!.chosen.every((c) => c.edge.from !== Number(input));
    };
    const [before, ...gradients] = scope(() => {
      const value = loss();
      return [value, ...grad(value, weights, { unused: 'zeros' })] as const;
    });
    expect(Number.isFinite(await before.item())).toBe(true);
    for (const [i, g] of gradients.entries()) {
      expect([parameters[i]![0], (await g.data()).some((v) => v !== 0)]).toEqual([parameters[i]![0], !idle(parameters[i]![0])]);
    }
    new SGD(network.parameters(), { lr: 1e-3 }).step(gradients);
    expect(await scope(loss).item()).toBeLessThan(await before.item());
    network.dispose();
  });

  it('has the size that the formula says, and the count of a recording', () => {
    const network = new ChildNetwork(device, key(1), config, found);
    const { parameters, multiplyAdds } = childSize(found, { ...config, imageSide: 16 });
    const { cost, operations, outputShape } = countCost(network, [[1, 2, 16, 16]]);
    expect(outputShape).toEqual([1, 3]);
    expect([parameters, parameters]).toEqual([network.parameterCount(), cost.parameters]);
    const products = operations.filter((o) => o.op === 'conv2d' || o.op === 'matmul');
    expect(multiplyAdds).toBe(products.reduce((sum, o) => sum + o.flops, 0));
    network.dispose();
  });

  it('names its state apart, drops each operation but skips by a mask of its own, and is drawn with every edge', async () => {
    const network = new ChildNetwork(device, key(1), config, found);
    const names = [...network.stateTensors()].map((s) => s.name);
    expect(new Set(names).size).toBe(names.length);
    const model = network.asChildModel();
    const chosen = network.cells.flatMap((cell) => cell.chosen.map(({ operation }) => operation.name));
    expect(model.paths).toBe(chosen.length);
    const ones = Array.from({ length: model.paths * 4 }, () => 1);
    const logits = (masks: readonly number[]): Promise<ArrayLike<number>> =>
      scope(() => model.forward(images, device.tensor(masks, [model.paths, 4]))[0]).data();
    const whole = Array.from(await logits(ones));
    // One row of each kind of operation: all of them would take minutes.
    for (const operation of new Set(chosen)) {
      const row = chosen.lastIndexOf(operation);
      const without = Array.from(await logits(ones.map((v, at) => (Math.floor(at / 4) === row ? 0 : v))));
      expect([operation, without.every((v, at) => v === whole[at])]).toEqual([operation, operation === 'skip_connect']);
    }
    for (const type of CELL_TYPES) {
      const labels = drawCell(found, type).match(/>[a-z0-9_]*(pool|conv|connect)[a-z0-9_]*</g) ?? [];
      expect(labels.map((l) => l.slice(1, -1)).sort()).toEqual(
        activeEdges(found, type)
          .map((e) => e.operation)
          .sort(),
      );
    }
    network.dispose();
  });
});

/** Trainable parameters without the norms after pools, which the authors of these have not. */
function withoutPoolNorms(name: string): number {
  const found = genotype(name);
  const full = { channels: 36, cells: 20, classes: 10, inChannels: 3, imageSide: 32 };
  const concat = { normal: found.normalConcat.length, reduce: found.reduceConcat.length };
  const pools = cellShapes(full, concat).flatMap(({ type, channels }) =>
    activeEdges(found, type).map(({ operation }) => (operation.includes('pool') ? 2 * channels : 0)),
  );
  return childSize(found, full).parameters - pools.reduce((a, b) => a + b, 0);
}

it('PC-DARTS and P-DARTS have the 3.6 and 3.4 million parameters of their articles, at 20 cells and C = 36', () => {
  expect((withoutPoolNorms('PC_DARTS_cifar') / 1e6).toFixed(1)).toBe('3.6');
  expect((withoutPoolNorms('PDARTS') / 1e6).toFixed(1)).toBe('3.4');
  expect((withoutPoolNorms('DARTS_V2') / 1e6).toFixed(1)).toBe('3.3');
});

it('does not inherit from a supernet that has not its operations', () => {
  expect(() => genotypeArchitecture(genotype('NASNet'))).toThrow(
    /sep_conv_7x7 is none of the operations that are searched|listed twice/,
  );
});
