/** @file Every synchronous body refuses a promise and a generator, and leaves the state as it was. */
/* eslint-disable unicorn/no-thenable -- a thenable is what is refused */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  capture,
  cpu,
  type Device,
  customVjp,
  enableGrad,
  fused,
  grad,
  hvp,
  isGradEnabled,
  mul,
  noGrad,
  ReparamError,
  scope,
  Stopwatch,
  sum,
  type Tensor,
  valueAndGrad,
  vjp,
  withComposites,
} from '../../src/index.ts';
import { checkGrads } from '../../src/testing/index.ts';
import { openDevice } from '../support/device.ts';

let device: Device;
let x: Tensor;
beforeAll(async () => {
  device = await openDevice();
  x = device.parameter([1, 2]);
});
afterAll(() => device.destroy());

/** A body as a caller of JavaScript writes it. */
type Body = (...tensors: Tensor[]) => never;

/** All public functions that run a body inside a state which ends with it. */
const places: Readonly<Record<string, (body: Body) => unknown>> = {
  scope: (body) => scope(body),
  noGrad: (body) => noGrad(body),
  enableGrad: (body) => enableGrad(body),
  withComposites: (body) => withComposites(body),
  capture: (body) => capture(body)(x),
  valueAndGrad: (body) => valueAndGrad(body)(x),
  vjp: (body) => vjp(body, [x]),
  hvp: (body) => hvp(body, [x], [x]),
  'customVjp, forward': (body) => customVjp('op', body, () => [])(x),
  'customVjp, backward': (body) => grad(sum(customVjp('op', (t: Tensor) => mul(t, 1), body as never)(x)), [x]),
  'Stopwatch.time': (body) => new Stopwatch(device).time(body),
  checkGrads: (body) => checkGrads(body, [cpu().tensor([1])]),
};

const bodies: Readonly<Record<string, Body>> = {
  'an async function': (async () => mul(x, 2)) as unknown as Body,
  'an async function that fails later': (async () => {
    await Promise.resolve();
    throw new Error('much later');
  }) as unknown as Body,
  'a thenable': (() => ({ then: () => undefined })) as unknown as Body,
  'a generator': function* () {
    yield mul(x, 2);
  } as unknown as Body,
  'an async generator': async function* () {
    yield mul(x, 2);
  } as unknown as Body,
};

describe('refuse, in one line that names the place, and end the state', () => {
  for (const [place, run] of Object.entries(places)) {
    for (const [kind, body] of Object.entries(bodies)) {
      it(`${place} of ${kind}`, async () => {
        const before = device.memory().tensors;
        const attempt = async (): Promise<unknown> => run(body);
        await expect(attempt()).rejects.toThrow(ReparamError);
        await expect(attempt()).rejects.toThrow(/returned (a promise|a generator)[^\n]*$/);
        expect(isGradEnabled()).toBe(true);
        expect(device.backend.capturing).toBe(false);
        // No scope is open any more: what is made now is freed by nobody.
        const made = mul(x, 2);
        scope(() => undefined);
        expect(made.disposed).toBe(false);
        made.dispose();
        expect(device.memory().tensors - before).toBeLessThan(12);
      });
    }
  }

  it('the kernel and the composite of a fused operation', () => {
    const kernel = { forward: (async () => ({ output: x })) as never };
    const byKernel = fused('asyncKernel', ([t]: readonly [Tensor]) => mul(t, 2), { cpu: kernel, webgpu: kernel });
    expect(() => byKernel([x], undefined)).toThrow(/asyncKernel: .* promise/);
    const byComposite = fused('asyncComposite', (async () => x) as never);
    expect(() => byComposite([x], undefined)).toThrow(/asyncComposite: the composite returned a promise/);
  });

  it('noGrad inside enableGrad inside noGrad ends as it began', () => {
    noGrad(() => {
      expect(isGradEnabled()).toBe(false);
      enableGrad(() => {
        expect(isGradEnabled()).toBe(true);
        expect(() => noGrad(bodies['an async function']!)).toThrow(ReparamError);
        expect(isGradEnabled()).toBe(true);
      });
      expect(isGradEnabled()).toBe(false);
    });
  });
});
