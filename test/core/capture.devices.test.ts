/** @file Captured steps: what a replay computes, what it costs, and what cannot be captured. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import {
  add,
  assign,
  batchNorm2d,
  capture,
  CaptureError,
  conv2d,
  cpu,
  crossEntropy,
  type Device,
  DeviceMismatchError,
  DisposedError,
  grad,
  keep,
  key,
  linear,
  maxPool2d,
  mul,
  normals,
  relu,
  reshape,
  type Shape,
  sub,
  sum,
  type Tensor,
  uniforms,
  VersionError,
} from '../../src/index.ts';

import { Adam, clipGradNorm, SGD } from '../../src/optim/index.ts';
import { Search } from '../../src/snas/index.ts';
import { strategy } from '../../src/baselines/index.ts';
import { operations } from '../../src/testing/properties/index.ts';
import { toTensor } from '../../src/testing/arbitraries/values.ts';
import { openDevice } from '../support/device.ts';
import { quadrants, TINY } from '../support/tiny-search.ts';

let device: Device;
/** The same device again, or on the CPU its float32 kernels. */
let second: Device;
beforeAll(async () => {
  device = await openDevice();
  second = inject('device') === 'cpu' ? cpu({ dtype: 'float32' }) : device;
});
afterAll(() => device.destroy());

const randoms = (d: Device, seed: number, shape: Shape): Tensor =>
  d.tensor(
    normals(
      key(seed),
      shape.reduce((a, b) => a * b, 1),
    ),
    shape,
  );
const sameBits = (a: ArrayLike<number>, b: ArrayLike<number>): boolean =>
  a.length === b.length && Array.from(a).every((v, i) => Object.is(v, b[i]));

/** A small convolutional network with everything that a training step has. */
function trainer(d: Device): {
  step: (x: Tensor, y: Tensor, drop: Tensor) => { loss: Tensor; norm: Tensor };
  state: () => Tensor[];
  prepare: () => void;
} {
  const parameter = (seed: number, shape: Shape): Tensor =>
    d.parameter(
      normals(
        key(seed),
        shape.reduce((a, b) => a * b, 1),
      ).map((v) => 0.4 * v),
      shape,
    );
  const filters = parameter(1, [4, 2, 3, 3]);
  const weight = parameter(2, [5, 4 * 3 * 3]);
  const bias = parameter(3, [5]);
  const runningMean = d.parameter([0, 0, 0, 0]);
  const sgd = new SGD([filters], { lr: 0.2, momentum: 0.9, weightDecay: 1e-3 });
  const adam = new Adam([weight, bias], { lr: 0.01 });
  return {
    prepare: () => {
      sgd.lr *= 0.9;
      sgd.prepare();
      adam.prepare();
    },
    step: (x, y, drop) => {
      const h = conv2d(x, filters, { padding: 1 });
      assign(runningMean, reshape(sum(h, [0, 2, 3]), [4]));
      const pooled = maxPool2d(relu(batchNorm2d(h)), 2, { stride: 2 });
      const flat = reshape(mul(pooled, drop), [x.shape[0]!, 36]);
      const loss = crossEntropy(linear(flat, weight, bias), y);
      const [gf, ...rest] = grad(loss, [filters, weight, bias]);
      const { norm, scale } = clipGradNorm([gf, ...rest], 0.5);
      sgd.apply([gf], { scale });
      adam.apply(rest, { scale });
      return { loss, norm };
    },
    state: () => [filters, weight, bias, runningMean],
  };
}

describe('a captured step', () => {
  it('trains as the function itself does, to the bit, on batches, noise and learning rates that change', async () => {
    for (const d of [device, second]) {
      const plain = trainer(d);
      const recorded = trainer(d);
      const step = capture(recorded.step);
      for (let i = 0; i < 4; i++) {
        const x = randoms(d, 10 + i, [6, 2, 6, 6]);
        const y = d.tensor(Array.from({ length: 6 }, (_, k) => (k * 3 + i) % 5));
        const drop = d.tensor(
          uniforms(key(20 + i), 6 * 36).map((u) => (u < 0.7 ? 1 / 0.7 : 0)),
          [6, 4, 3, 3],
        );
        plain.prepare();
        recorded.prepare();
        const expected = plain.step(x, y, drop);
        const found = step(x, y, drop);
        expect(await found.loss.item()).toBe(await expected.loss.item());
        expect(await found.norm.item()).toBe(await expected.norm.item());
      }
      const [expected, found] = await Promise.all([plain, recorded].map(({ state }) => Promise.all(state().map((t) => t.data()))));
      for (const [i, part] of expected!.entries()) expect(sameBits(found![i]!, part)).toBe(true);
      step.dispose();
    }
  });

  /** They take host data in, numbers drawn from a key or new optimiser state: in a captured step that is refused. */
  const HOST_DATA = /^(uniform|normal|gumbel|sgd|adam)/;

  it('gives the value and the gradients of every registered operation, to the bit, on inputs that it has not seen', async () => {
    const refused: string[] = [];
    for (const op of operations) {
      // Two cases of the same shapes and parameters: one is recorded, both are replayed.
      const [sample] = fc.sample(op.samples('small'), { seed: 5, numRuns: 1 });
      const { inputs, params } = sample!;
      const others = inputs.map((value, i) =>
        op.order === 0 || (op.wrt && !op.wrt.includes(i)) ? value : { ...value, values: value.values.map((v) => v * 0.75) },
      );
      const wrt = op.order === 0 ? [] : (op.wrt ?? inputs.map((_, i) => i));
      const f = (...xs: Tensor[]): Tensor[] => {
        const y = op.run(xs, params);
        return wrt.length === 0
          ? [y]
          : [
              y,
              ...grad(
                sum(mul(y, y)),
                wrt.map((i) => xs[i]!),
                { unused: 'zeros' },
              ),
            ];
      };
      const step = capture(f);
      try {
        for (const values of [inputs, others, inputs]) {
          const xs = values.map((value) => toTensor(second, value));
          const found = step(...xs);
          const expected = f(...xs);
          for (const [i, t] of expected.entries()) {
            expect(sameBits(await found[i]!.data(), await t.data()), `${op.name}, result ${i}`).toBe(true);
          }
        }
      } catch (error) {
        if (!(error instanceof CaptureError)) throw error;
        refused.push(op.name);
      } finally {
        step.dispose();
      }
    }
    expect(refused.filter((name) => !HOST_DATA.test(name))).toEqual([]);
  });

  it('searches as an eager search does, to the bit: drop path, an LSTM controller, a second order', async () => {
    const data = { train: quadrants(24, 1), validation: quadrants(24, 2) };
    for (const name of ['snas', 'enas', 'darts-2'] as const) {
      const states = [];
      for (const eager of [true, false]) {
        // The second order of three cells is too much for an eager step on a software adapter.
        const network = { ...TINY.network, cells: name === 'darts-2' ? 1 : 3 };
        const config = { ...TINY, network, dropPath: name === 'snas' ? 0.3 : 0 };
        const search = new Search(second, config, data, { eager, strategy: (space) => strategy(name, second, key(7), space) });
        const held = search.strategy.level === 'bilevel' ? batch(data.validation, search) : undefined;
        for (let i = 0; i < 2; i++) {
          search.trainStep(batch(data.train, search), held);
          await second.finish();
        }
        states.push(await search.state());
        search.dispose();
      }
      for (const [part, { data: expected }] of Object.entries(states[0]!)) {
        expect(sameBits(states[1]![part]!.data, expected), `${name}: ${part}`).toBe(true);
      }
    }
  });

  function batch(set: ReturnType<typeof quadrants>, { config }: Search): { images: Tensor; labels: Tensor } {
    const n = config.batchSize;
    return {
      images: second.tensor(
        Array.from(set.images.slice(0, n * 64), (v) => v / 255),
        [n, 1, 8, 8],
      ),
      labels: second.tensor(Array.from(set.labels.slice(0, n))),
    };
  }

  it('returns fresh tensors at every call, alone or in an array or an object, and nothing for nothing', async () => {
    const x = device.tensor([1, 2, 3]);
    const one = capture((a: Tensor) => mul(a, 2));
    const first = one(x);
    const other = one(device.tensor([4, 5, 6]));
    expect([...(await first.data())]).toEqual([2, 4, 6]);
    expect([...(await other.data())]).toEqual([8, 10, 12]);
    const [a, b] = capture((t: Tensor) => [add(t, 1), t])(x) as [Tensor, Tensor];
    expect([...(await a.data()), ...(await b.data())]).toEqual([2, 3, 4, 1, 2, 3]);
    b.dispose();
    expect([...(await x.data())]).toEqual([1, 2, 3]);
    const weight = device.parameter([5]);
    const itself = capture((t: Tensor) => (assign(weight, t), weight));
    expect(await itself(device.tensor([6])).item()).toBe(6);
    itself.dispose();
    expect(await weight.item()).toBe(6);
    expect(capture((t: Tensor) => assign(t, t))(x)).toBeUndefined();
    const constant = capture(() => device.full([2], 7), { device });
    expect([...(await constant().data())]).toEqual([7, 7]);
  });

  it('keeps alive what it reads from outside, and sees it change', async () => {
    const w = device.parameter([10, 20]);
    const step = capture((x: Tensor) => mul(x, w));
    const x = device.tensor([1, 2]);
    step(x).dispose();
    assign(w, device.tensor([3, 4]));
    expect([...(await step(x).data())]).toEqual([3, 8]);
    w.dispose();
    // Would take the freed memory.
    const taker = device.tensor([99, 99]);
    expect([...(await step(x).data())]).toEqual([3, 8]);
    taker.dispose();
    step.dispose();
  });

  it('overwrites what it has kept elsewhere, and a graph that had read what it changes can tell', async () => {
    let kept: Tensor | undefined;
    const before = device.memory().bytes;
    const state = device.parameter([1, 1]);
    const step = capture((x: Tensor) => {
      kept ??= keep(mul(x, 3));
      assign(state, x);
      return sum(x);
    });
    step(device.tensor([1, 2]));
    expect([...(await kept!.data())]).toEqual([3, 6]);
    const reader = sum(mul(state, state));
    step(device.tensor([5, 6]));
    expect([...(await kept!.data())]).toEqual([15, 18]);
    expect([...(await state.data())]).toEqual([5, 6]);
    expect(() => grad(reader, [state])).toThrow(VersionError);
    step.dispose();
    const held = device.memory().bytes;
    kept!.dispose();
    expect(device.memory().bytes).toBeLessThan(held);
    expect(held).toBeGreaterThanOrEqual(before);
  });

  it('of thousands of launches returns its last value', async () => {
    const step = capture((x: Tensor) => {
      let y = x;
      for (let i = 0; i < 1500; i++) y = add(y, x);
      return y;
    });
    expect([...(await step(device.tensor([1, 2])).data())]).toEqual([1501, 3002]);
    expect([...(await step(device.tensor([3, 0])).data())]).toEqual([4503, 0]);
    expect(step.info!.launches).toBe(1500);
    step.dispose();
  });

  it('inside another becomes a part of that one', async () => {
    const inner = capture((x: Tensor) => add(x, 1));
    const outer = capture((x: Tensor) => mul(inner(x), 2));
    expect(await outer(device.tensor([1])).item()).toBe(4);
    expect(await outer(device.tensor([2])).item()).toBe(6);
  });

  it('is recorded and compiled by prepare without being run', async () => {
    const state = device.parameter([0]);
    const step = capture((x: Tensor) => {
      assign(state, add(state, x));
      return state;
    });
    const x = device.tensor([2]);
    const seen: number[] = [];
    await step.prepare([x], (compiled, of) => seen.push(compiled / of));
    expect(await state.item()).toBe(0);
    for (const [i, share] of seen.entries()) expect(share).toBeCloseTo((i + 1) / seen.length, 12);
    expect(await step(x).item()).toBe(2);
    expect(await step(x).item()).toBe(4);
  });

  it('holds constant memory from call to call, less than its intermediates would take unshared, and gives it back', async () => {
    const before = device.memory();
    const w = device.parameter(new Float64Array(64 * 64).fill(0.01), [64, 64]);
    const step = capture((x: Tensor) => {
      let h = x;
      for (let i = 0; i < 12; i++) h = relu(sub(mul(h, 1.5), w));
      return sum(h);
    });
    const x = device.tensor(new Float64Array(64 * 64).fill(0.1), [64, 64]);
    step(x).dispose();
    const held = device.memory();
    for (let i = 0; i < 5; i++) step(x).dispose();
    const { tensors, buffers, bytes } = device.memory();
    expect({ tensors, buffers, bytes }).toEqual({ tensors: held.tensors, buffers: held.buffers, bytes: held.bytes });
    // 36 intermediates with gradients off need two at a time; their graph keeps none of them alive, as nothing is differentiated.
    const { bytes: shared, unsharedBytes } = step.info!;
    expect(shared).toBeLessThan(unsharedBytes);
    step.dispose();
    for (const t of [w, x]) t.dispose();
    await device.finish();
    const after = device.memory();
    // Scalars are constants of the device.
    expect(after.buffers - before.buffers).toBeLessThanOrEqual(2);
    expect(step.info).toBeUndefined();
  });
});

describe('what cannot be replayed is refused by name, before anything is done', () => {
  const x = (): Tensor => device.tensor([1, 2, 3]);

  it.each([
    ['a read-back', /data: waiting inside/, (t: Tensor) => void t.data()],
    ['a wait', /finish: waiting inside/, () => void device.finish()],
    ['host data', /tensor: host data inside/, (t: Tensor) => add(t, device.tensor([1, 2, 3]))],
    ['a new parameter', /parameter: host data inside/, (t: Tensor) => add(t, device.parameter([1, 2, 3]))],
    ['a promise', /returned a promise/, async (t: Tensor) => add(t, 1)],
    ['a result that is not of tensors', /returns a tensor/, () => 3],
  ])('%s', async (_what, message, body) => {
    const state = device.parameter([1]);
    const before = device.memory();
    const step = capture((t: Tensor) => {
      assign(state, add(state, 1));
      return (body as (t: Tensor) => Tensor)(t);
    });
    const input = x();
    expect(() => step(input)).toThrow(CaptureError);
    expect(() => step(input)).toThrow(message);
    input.dispose();
    expect(device.backend.capturing).toBe(false);
    expect(await state.item()).toBe(1);
    const { tensors, buffers } = device.memory();
    // Scalars are constants of the device.
    expect(tensors - before.tensors).toBeLessThanOrEqual(1);
    expect(buffers - before.buffers).toBeLessThanOrEqual(1);
  });

  it('another shape, dtype, number or device of inputs, and what has been freed', () => {
    const step = capture((a: Tensor, b: Tensor) => add(a, b));
    step(x(), x());
    const [a, b] = [x(), device.tensor([[1, 2, 3]])];
    expect(() => step(a, b)).toThrow(/input 1 has shape \[1, 3\].*captured for \[3\]/s);
    expect(() => step(a, device.tensor(Uint32Array.of(1, 2, 3)))).toThrow(/dtype uint32/);
    expect(() => (step as unknown as (t: Tensor) => void)(a)).toThrow(/captured with 2 inputs and called with 1/);
    const foreign = cpu({ dtype: 'float64' }).tensor([1, 2, 3]);
    expect(() => step(a, foreign)).toThrow(CaptureError);
    expect(() => capture((s: Tensor, t: Tensor) => add(s, t))(a, foreign)).toThrow(DeviceMismatchError);
    a.dispose();
    expect(() => step(a, x())).toThrow(DisposedError);
    expect(() => capture(() => device.ones([1]))()).toThrow(/needs \{ device \}/);
  });

  it('an error of the step itself comes out as it is, and the next call records anew', async () => {
    let broken = true;
    const step = capture((t: Tensor) => {
      if (broken) throw new RangeError('mine');
      return mul(t, 2);
    });
    expect(() => step(x())).toThrow(RangeError);
    broken = false;
    expect([...(await step(x()).data())]).toEqual([2, 4, 6]);
  });
});
