/** @file A captured step that changes an input in place does what eager code does, or is refused. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  assign,
  batchNorm2d,
  capture,
  CaptureError,
  cpu,
  type Device,
  grad,
  mul,
  reshape,
  sum,
  type Tensor,
  VersionError,
} from '../../../src/index.ts';
import { Adam, SGD } from '../../../src/optim/index.ts';
import { openDevice } from '../../support/device.ts';

const devices: Device[] = [];
beforeAll(async () => {
  devices.push(await openDevice(), cpu({ dtype: 'float32' }));
});
afterAll(() => devices.forEach((device) => device.destroy()));

/** Steps that change their first input, over inputs that `make` gives. */
const steps: Readonly<Record<string, { readonly make: (d: Device) => Tensor[]; readonly step: (...xs: Tensor[]) => Tensor }>> = {
  assign: {
    make: (d) => [d.tensor([1, 2])],
    step: (w) => {
      assign(w, mul(w, 2));
      return sum(w);
    },
  },
  'assign through a reshape': {
    make: (d) => [
      d.tensor([
        [1, 2],
        [3, 4],
      ]),
    ],
    step: (w) => {
      assign(reshape(w, [4]), mul(reshape(w, [4]), 3));
      return sum(w);
    },
  },
  'assign from another input': {
    make: (d) => [d.tensor([1, 2]), d.tensor([5, 7])],
    step: (w, v) => {
      assign(w, mul(w, v));
      return mul(w, 1);
    },
  },
  'running statistics': {
    make: (d) => [d.tensor([0, 0, 1, 1], [2, 2]), d.tensor([1, 2, 3, 4, 5, 6, 7, 9], [1, 2, 2, 2])],
    step: (running, x) => batchNorm2d(x, { running: running }),
  },
};

for (const [name, { make, step }] of Object.entries(steps)) {
  it(`${name}: results and input after each of three calls are those of eager code, to the bit`, async () => {
    for (const device of devices) {
      const [eager, captured] = [make(device), make(device)];
      const replayed = capture(step);
      for (let i = 0; i < 3; i++) {
        const [a, b] = [step(...eager), replayed(...captured)];
        expect([...(await b.data())]).toEqual([...(await a.data())]);
        for (const [k, input] of eager.entries()) expect([...(await captured[k]!.data())]).toEqual([...(await input.data())]);
      }
      replayed.dispose();
    }
  });
}

it('a graph that read the input before can tell', () => {
  for (const device of devices) {
    const w = device.tensor([1, 2]);
    const y = sum(mul(w, w));
    const step = capture(steps['assign']!.step);
    step(w);
    expect(() => grad(y, [w])).toThrow(VersionError);
  }
});

it('memory that goes into the step in two ways is refused before anything runs', async () => {
  for (const device of devices) {
    const w = device.tensor([1, 2]);
    const optimizers = [new SGD([w], { lr: 1 }), new Adam([w])];
    const twice: readonly [(a: Tensor, b: Tensor) => void, readonly [Tensor, Tensor]][] = [
      [(a) => assign(a, mul(w, 2)), [w, device.tensor([0, 0])]],
      [(a) => (assign(w, mul(w, 2)), sum(a)), [w, device.tensor([0, 0])]],
      [(a, b) => assign(a, mul(b, 2)), [w, w]],
      [(a, b) => assign(a, mul(b, 2)), [w, reshape(w, [2])]],
      ...optimizers.map((o): (typeof twice)[number] => [(a, g) => (o.apply([g]), sum(a)), [w, device.tensor([1, 1])]]),
    ];
    for (const [step, inputs] of twice) {
      expect(() => capture(step as (a: Tensor, b: Tensor) => Tensor)(...inputs)).toThrow(CaptureError);
      expect([...(await w.data())]).toEqual([1, 2]);
    }
    // The same step on memory of its own is taken.
    capture((a: Tensor) => assign(a, mul(w, 2)))(device.tensor([0, 0]));
    const optimizer = new SGD([w], { lr: 1 });
    const step = capture((g: Tensor) => optimizer.apply([g]));
    optimizer.prepare();
    step(device.tensor([1, 1]));
    expect([...(await w.data())]).toEqual([0, 1]);
  }
});
