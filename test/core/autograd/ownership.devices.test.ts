/** @file Gradients free what they made and nothing else: not what a custom backward returned or holds, nor what the caller does. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { add, cpu, customVjp, type Device, fused, grad, keep, mul, scope, sum, type Tensor } from '../../../src/index.ts';
import { openDevice } from '../../support/device.ts';

const devices: Device[] = [];
beforeAll(async () => {
  devices.push(await openDevice(), cpu({ dtype: 'float32' }));
});
afterAll(() => devices.forEach((device) => device.destroy()));

/** What a custom backward may return, made before the gradient is asked for. */
const holders: Readonly<Record<string, (device: Device, x: Tensor) => Tensor>> = {
  'a saved tensor': (device) => device.tensor([2, 4, 6]),
  'an input': (_device, x) => x,
  'a parameter': (device) => device.parameter([2, 4, 6]),
  'a kept tensor': (device) => scope(() => keep(device.tensor([2, 4, 6]))),
};

describe('what a custom backward returns is alive after two gradients, of either mode, in a scope or not', () => {
  for (const [name, make] of Object.entries(holders)) {
    for (const createGraph of [false, true]) {
      it(`${name}${createGraph ? ', createGraph' : ''}`, async () => {
        for (const device of devices) {
          const x = device.tensor([1, 2, 3]);
          const held = make(device, x);
          const op = customVjp(
            'held',
            (t: Tensor) => mul(t, 1),
            () => [held],
          );
          const expected = [...(await held.data())];
          for (let i = 0; i < 2; i++) {
            const [g] = grad(sum(op(x)), [x], { createGraph });
            expect([...(await g.data())]).toEqual(expected);
            g.dispose();
            expect(held.disposed).toBe(false);
            const [inScope] = scope(() => grad(sum(op(x)), [x], { createGraph }));
            inScope.dispose();
            // Summed with another part, and passed on through another operation.
            scope(() => grad(add(sum(op(x)), sum(mul(op(mul(x, 2)), x))), [x], { createGraph }));
            expect(held.disposed).toBe(false);
          }
        }
      });
    }
  }

  it('one that is made inside the backward pass and kept there', async () => {
    for (const device of devices) {
      const x = device.tensor([1, 2, 3]);
      let cached: Tensor | undefined;
      const op = customVjp(
        'caching',
        (t: Tensor) => mul(t, 1),
        () => [(cached ??= keep(device.tensor([5, 5, 5])))],
      );
      for (let i = 0; i < 2; i++) {
        const [g] = grad(sum(op(x)), [x]);
        expect([...(await g.data())]).toEqual([5, 5, 5]);
        g.dispose();
      }
      expect(cached!.disposed).toBe(false);
    }
  });

  it('of the backward kernel of a fused operation', async () => {
    const held = new Map<Device, Tensor>();
    const kernel = {
      forward: ([x]: readonly Tensor[]) => ({ output: mul(x!, 2) }),
      backward: ({ inputs }: { inputs: readonly Tensor[] }) => [held.get(inputs[0]!.device)],
    };
    const double = fused('doubleHeld', ([x]: readonly [Tensor]) => mul(x, 2), { cpu: kernel, webgpu: kernel });
    for (const device of devices) {
      held.set(device, device.tensor([7, 8]));
      const x = device.tensor([1, 2]);
      for (let i = 0; i < 2; i++) {
        const [g] = grad(sum(double([x], undefined)), [x]);
        expect([...(await g.data())]).toEqual([7, 8]);
        g.dispose();
      }
      expect(held.get(device)!.disposed).toBe(false);
    }
  });
});

describe("each gradient is the caller's own", () => {
  it('the cotangent is not given back as a gradient, nor one tensor as two', async () => {
    for (const device of devices) {
      const x = device.tensor([1, 2]);
      const y = device.tensor([3, 4]);
      const cotangent = device.tensor([5, 6]);
      const gs = grad(add(x, y), [x, y, x], { cotangent });
      expect(new Set([...gs, cotangent]).size).toBe(4);
      gs[0].dispose();
      expect([...(await gs[1].data()), ...(await gs[2].data()), ...(await cotangent.data())]).toEqual([5, 6, 5, 6, 5, 6]);
      const [itself] = grad(x, [x], { cotangent });
      itself.dispose();
      expect(cotangent.disposed).toBe(false);
    }
  });

  it('and nothing else is left of the pass', () => {
    for (const device of devices) {
      const x = device.tensor([1, 2]);
      const y = sum(mul(mul(x, x), x));
      const before = device.memory().tensors;
      const [g] = grad(y, [x]);
      expect(device.memory().tensors - before).toBe(1);
      g.dispose();
      expect(device.memory().tensors).toBe(before);
    }
  });
});
