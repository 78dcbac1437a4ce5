/** @file A module's tree: what is held twice is one, and saved numbers of any type are loaded whole or not at all. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Device, key, OptionError, ShapeError, type Tensor, uniform } from '../../src/index.ts';
import { type Layer, Linear, Module, Sequential, type StateDict } from '../../src/nn/index.ts';
import { SGD } from '../../src/optim/index.ts';
import { openDevice } from '../support/device.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.destroy());

/** A weight under two names, and a layer under two more. */
class Shared extends Module {
  readonly a: Tensor;
  readonly b: Tensor;
  readonly first: Layer;
  readonly again: readonly Layer[];
  constructor() {
    super();
    this.a = device.parameter([1]);
    this.b = this.a;
    this.first = new Linear(device, key(1), 2, 3);
    this.again = [this.first, this.first];
  }
}

describe('what is reached twice', () => {
  it('is listed, counted and saved once, under its first name', async () => {
    using shared = new Shared();
    expect(shared.namedParameters().map(([name]) => name)).toEqual(['a', 'first.weight', 'first.bias']);
    expect(shared.parameterCount()).toBe(1 + 6 + 3);
    expect(Object.keys(await shared.stateDict())).toEqual(['a', 'first.weight', 'first.bias']);
    expect([...shared.modules()]).toHaveLength(2);
    shared.loadStateDict(await shared.stateDict());
  });

  it('takes one step of an optimiser, and Sequential(l, l) has the two parameters of l (PyTorch)', async () => {
    using shared = new Shared();
    const optimizer = new SGD([shared.a], { lr: 0.1 });
    optimizer.step([device.tensor([1])]);
    expect((await shared.b.item()) - 1).toBeCloseTo(-0.1, 6);
    const layer = new Linear(device, key(2), 2, 2);
    using twice = new Sequential(layer, layer);
    expect(twice.parameters()).toHaveLength(2);
    expect(twice.parameters()[0]).toBe(layer.weight);
    const both = new SGD(twice.parameters(), { lr: 1 });
    const before = await layer.bias!.data();
    both.step(twice.parameters().map((p) => device.ones(p.shape)));
    for (const [i, x] of (await layer.bias!.data()).entries()) expect(x - before[i]!).toBeCloseTo(-1, 6);
  });

  it('ends in a circle too', () => {
    const inner = new Shared();
    Object.assign(inner, { outer: inner });
    expect(inner.parameters()).toHaveLength(3);
    inner.dispose();
  });

  it('is refused twice in the list of an optimiser', () => {
    const p = uniform(device, key(1), [2]);
    expect(() => new SGD([p, p], { lr: 1 })).toThrow(OptionError);
  });
});

describe('loadStateDict', () => {
  const state = (data: unknown): StateDict => ({
    weight: { shape: [1, 2], data } as StateDict[string],
    bias: { shape: [1], data: Float64Array.of(0.5) },
  });

  it('converts numbers of any type to the float type of the device', async () => {
    using layer = new Linear(device, key(1), 2, 1);
    const given = [Float32Array.of(1, -2), Float64Array.of(1, -2), Int8Array.of(1, -2), BigInt64Array.of(1n, -2n)];
    for (const data of given) {
      layer.loadStateDict(state(data));
      expect([...(await layer.weight.data())]).toEqual([1, -2]);
      expect(layer.weight.dtype).toBe(device.dtype);
    }
    layer.loadStateDict(state(Uint32Array.of(1, 4_000_000_000)));
    expect([...(await layer.weight.data())]).toEqual([1, 4_000_000_000]);
  });

  it('copies nothing where a part is wrong', async () => {
    using layer = new Linear(device, key(1), 2, 1);
    const before = await layer.stateDict();
    const wrong = [
      { ...state(Float64Array.of(1, 2)), bias: { shape: [2], data: Float64Array.of(1, 2) } },
      { ...state(Float64Array.of(1, 2)), bias: { shape: [1], data: new Float64Array(0) } },
      { ...state(Float64Array.of(1, 2)), other: { shape: [1], data: Float64Array.of(1) } },
      { weight: state(Float64Array.of(1, 2))['weight']! },
    ];
    for (const [i, bad] of wrong.entries())
      expect(() => layer.loadStateDict(bad), String(i)).toThrow(i < 2 ? ShapeError : OptionError);
    expect(await layer.stateDict()).toEqual(before);
  });
});
