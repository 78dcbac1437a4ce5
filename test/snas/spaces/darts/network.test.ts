/** @file The networks of SNAS: parameter counts of the literature, and children that compute what their parents do. */
import { describe, expect, it } from 'vitest';
import { add, cpu, type Device, grad, type Key, key, normals, scope, split, sum, type Tensor } from '../../../../src/index.ts';
import {
  activeEdges,
  ChildNetwork,
  type ChoiceWeights,
  edgesOf,
  type Genotype,
  genotype,
  genotypeArchitecture,
  genotypeFromChoices,
  type NetworkConfig,
  oneHotWeights,
  optionIndices,
  type PlaceTrace,
  type PublishedName,
  type SearchSpace,
  Snas,
  Supernet,
} from '../../../../src/snas/index.ts';
import { dartsSpace } from '../../../support/darts-space.ts';

const device: Device = cpu();

function randomTensor(seed: number, shape: readonly number[]): Tensor {
  return device.parameter(
    normals(
      key(seed),
      shape.reduce((a, b) => a * b, 1),
    ),
    shape,
  );
}

const small: NetworkConfig = { channels: 2, cells: 3, classes: 3, inChannels: 1, nodes: 3 };

function spaceOf(k: Key): SearchSpace {
  return dartsSpace(device, k, small);
}

function oneHot({ layout }: SearchSpace, found: Genotype): ChoiceWeights {
  return oneHotWeights(device, layout, optionIndices(layout, genotypeArchitecture(found)));
}

describe('supernet', () => {
  it('has 1,930,618 parameters at C = 16, 8 cells, RGB, 10 classes', () => {
    const net = new Supernet(cpu({ dtype: 'float32' }), key(0), { channels: 16, cells: 8, classes: 10, inChannels: 3 });
    expect(net.parameterCount()).toBe(1_930_618);
  });

  it('has 72,638 parameters at C = 4, 3 cells, one channel, stem stride 2', () => {
    const net = new Supernet(device, key(0), { channels: 4, cells: 3, classes: 10, inChannels: 1, stemStride: 2 });
    expect(net.parameterCount()).toBe(72_638);
  });

  it('gives every weight and every log alpha a gradient that is not zero, so no alpha is rebuilt from a list on the way', async () => {
    const space = spaceOf(key(1));
    const snas = new Snas(device, key(2), space);
    const gradients = scope(() => {
      const z = snas.propose(snas.inputs({ key: key(3), temperature: 1 }));
      const logits = space.forward(randomTensor(4, [3, 1, 8, 8]), z);
      // A random cotangent: sum(logits) alone would leave batch-normed paths at zero.
      return grad(logits, [...snas.parameters(), ...space.network.parameters()], { cotangent: randomTensor(5, [3, 3]) });
    });
    const [alpha, ...weights] = await Promise.all(gradients.map((g) => g.data()));
    expect(alpha).toHaveLength(2 * 9 * 8);
    expect(alpha!.every((v) => v !== 0 && Number.isFinite(v))).toBe(true);
    for (const w of weights) expect(w.some((v) => v !== 0)).toBe(true);
  });

  it('traces edges whose node is the tensor that the network reads: the credits into a node use its total derivative', async () => {
    const space = spaceOf(key(1));
    const snas = new Snas(device, key(2), space);
    const trace: PlaceTrace[] = [];
    const y = sum(
      space.forward(randomTensor(4, [2, 1, 8, 8]), snas.propose(snas.inputs({ key: key(3), temperature: 1 })), { trace }),
    );
    expect(trace).toHaveLength(3 * edgesOf(3).length);
    const nodes = [...new Set(trace.map((t) => t.node))];
    expect(nodes).toHaveLength(3 * 3);
    expect(grad(y, nodes)).toHaveLength(9);
    for (const node of nodes) {
      const edges = trace.filter((t) => t.node === node);
      const total = await scope(() => edges.map((t) => sum(t.output)).reduce((a, b) => add(a, b))).item();
      expect(total).toBeCloseTo(await sum(node).item(), 10);
    }
  });
});

describe('child', () => {
  const counts: [PublishedName, number][] = [
    ['DARTS_V1', 3_171_574],
    ['DARTS_V2', 3_351_502],
    ['SNAS_mild', 2_663_542],
    ['SNAS_moderate', 2_848_222],
    ['SNAS_aggressive', 2_313_622],
  ];
  it.each(counts)('of 20 cells at C = 36 built from %s has %i parameters', (name, count) => {
    const child = new ChildNetwork(
      cpu({ dtype: 'float32' }),
      key(0),
      { channels: 36, cells: 20, classes: 10, inChannels: 3 },
      genotype(name),
    );
    expect(child.parameterCount()).toBe(count);
    child.dispose();
  });

  it('computes what its parent computes under the one-hot Z, to rounding, over random genotypes', async () => {
    const space = spaceOf(key(7));
    const images = randomTensor(8, [3, 1, 8, 8]);
    const edges = edgesOf(3).length;
    for (const k of split(key(9), 12)) {
      const draw = (at: number): number[] => Array.from(normals(split(k)[at]!, edges), (v) => Math.floor(Math.abs(v * 1e6)) % 8);
      const found = genotypeFromChoices({ normal: draw(0), reduce: draw(1) }, 3);
      const child = space.child(genotypeArchitecture(found), { inherit: true, key: key(0) });
      const parent = await scope(() => space.forward(images, oneHot(space, found))).data();
      const logits = await scope(() => child.forward(images)).data();
      parent.forEach((v, i) => expect(Math.abs(logits[i]! - v)).toBeLessThan(1e-12 * Math.max(1, Math.abs(v))));
      child.dispose();
    }
  });

  it('computes only the edges that carry something', () => {
    const found = genotype('SNAS_aggressive');
    const child = new ChildNetwork(device, key(0), { channels: 4, cells: 3, classes: 10, inChannels: 1 }, found);
    expect(child.cells.map((cell) => cell.chosen.length)).toEqual([
      activeEdges(found, 'normal').length,
      activeEdges(found, 'reduce').length,
      activeEdges(found, 'reduce').length,
    ]);
    // The article's figure 15: two edges remain in the reduction cell.
    expect(activeEdges(found, 'reduce')).toHaveLength(2);
  });

  it('puts out zeros where every node of its cells has vanished, and can still be evaluated', async () => {
    const none = genotypeFromChoices({ normal: Array(9).fill(0), reduce: Array(9).fill(0) }, 3);
    const child = new ChildNetwork(device, key(0), small, none);
    const logits = await child.forward(randomTensor(1, [2, 1, 8, 8])).data();
    const bias = await child.classifier.bias!.data();
    expect([...logits.slice(0, 3)]).toEqual([...bias]);
  });

  it('trains its auxiliary head only in training mode', () => {
    const config = { channels: 4, cells: 3, classes: 10, inChannels: 1 };
    const child = new ChildNetwork(device, key(0), config, genotype('DARTS_V2'), { auxiliary: true });
    const images = randomTensor(1, [2, 1, 32, 32]);
    expect(child.forwardBoth(images)[1]?.shape).toEqual([2, 10]);
    expect(child.eval().forwardBoth(images)[1]).toBeUndefined();
  });
});
