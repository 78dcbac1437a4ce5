/** @file locateNonFinite: the first operation that makes a NaN or an infinity, in eager and captured steps, forward and backward. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  add,
  assign,
  capture,
  crossEntropy,
  type Device,
  div,
  exp,
  grad,
  key,
  locateNonFinite,
  log,
  matmul,
  mul,
  relu,
  scope,
  sqrt,
  square,
  sub,
  sum,
  type Tensor,
} from '../../src/index.ts';
import { Linear, Module } from '../../src/nn/index.ts';
import { SGD } from '../../src/optim/index.ts';
import { Snas } from '../../src/snas/index.ts';
import { dartsSpace } from '../support/darts-space.ts';
import { openDevice } from '../support/device.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.destroy());

describe('locateNonFinite', () => {
  it('finds nothing where all is finite, and leaves no tensor behind', async () => {
    const x = device.tensor([1, 2, 3]);
    const step = (): unknown => scope(() => sum(exp(x)));
    expect(await locateNonFinite(() => scope(() => void step()))).toBeUndefined();
    const before = device.memory().tensors;
    await locateNonFinite(() => scope(() => void step()));
    expect(device.memory().tensors).toBe(before);
  });

  it('names the first operation whose output is not finite, and the ranges of its inputs', async () => {
    const x = device.tensor([1, 4, 2]);
    const found = await locateNonFinite(() =>
      scope(() => {
        const late = add(x, 1);
        const bad = log(sub(x, 4));
        void sum(mul(bad, late));
      }),
    );
    // x - 4 = [-3, 0, -2]: the logarithm is NaN, -Infinity, NaN.
    expect(found).toMatchObject({ operation: 'log', index: 2, place: undefined, backwardOf: undefined, inputsFinite: true });
    expect(found!.inputs).toEqual([{ shape: [3], min: -3, max: 0 }]);
    expect(found!.message).toMatch(/^operation 2, log, made \[3\] with NaN of \[3\] in \[-3, 0\]$/);
  });

  it('finds an infinity too, and one that only the backward pass makes', async () => {
    const x = device.tensor([0, 1, 4]);
    const overflow = await locateNonFinite(() => scope(() => void exp(mul(device.tensor([1, 1000]), 1))));
    expect(overflow).toMatchObject({ operation: 'exp', inputsFinite: true });
    const found = await locateNonFinite(() => scope(() => void grad(sum(mul(sqrt(x), 1)), [x])));
    expect(found).toMatchObject({ backwardOf: 'sqrt', inputsFinite: true });
    expect(found!.message).toContain('in the backward pass of sqrt');
  });

  it('finds it in a captured step, at the call that makes it, with what the step changes in place', async () => {
    const w = device.parameter([2, 3]);
    const optimizer = new SGD([w], { lr: 1 });
    const step = capture((x: Tensor) => {
      const loss = sum(log(mul(w, x)));
      optimizer.apply(grad(loss, [w]));
      return loss;
    });
    const x = device.tensor([1, 1]);
    optimizer.prepare();
    step(x).dispose();
    // d/dw log w = 1 / w: w = [1.5, 2.667], then [0.833, 2.29], then below 0.
    const found: (string | undefined)[] = [];
    for (let i = 0; i < 3; i++) {
      optimizer.prepare();
      const here = await locateNonFinite(() => {
        step(x).dispose();
      });
      found.push(here && `${here.operation} ${here.inputsFinite}`);
    }
    // 2, 1.5, 0.8333, -0.3667: the fourth step takes the logarithm of a negative number.
    expect(found).toEqual([undefined, undefined, 'log true']);
    step.dispose();
  });

  it('tells the place in the network, forward and backward', async () => {
    class Branch extends Module {
      readonly linear: Linear;
      constructor(seed: number) {
        super();
        this.linear = new Linear(device, key(seed), 2, 2);
      }
      forward(x: Tensor): Tensor {
        return sqrt(relu(this.linear.forward(x)));
      }
    }
    class Net extends Module {
      readonly branches = [new Branch(1), new Branch(2), new Branch(3)];
      forward(x: Tensor): Tensor {
        return this.branches.map((b) => b.forward(x)).reduce((a, b) => add(a, b));
      }
    }
    const net = new Net();
    const x = device.tensor([[1, -1]]);
    const found = await locateNonFinite(() => scope(() => void grad(sum(net.forward(x)), net.parameters())), { modules: { net } });
    // relu gives an exact 0 for one of the two outputs of a branch, of which the root has no derivative.
    expect(found?.place).toMatch(/^net\.branches\.\d$/);
    expect(found?.backwardOf).toBe('sqrt');
    expect(Object.hasOwn(net, 'forward')).toBe(false);
    const plain = await locateNonFinite(() => scope(() => void div(square(x), matmul(x, device.tensor([[1], [1]])))));
    expect(plain).toMatchObject({ operation: 'div', place: undefined });
  });
});

it('locates a NaN that is planted at each of 50 places of a supernet', async () => {
  const space = dartsSpace(device, key(0), { channels: 2, cells: 1, nodes: 2, classes: 3, inChannels: 1, stemStride: 2 });
  const net = space.network;
  // In training a NaN would stay in the running statistics after its cause is mended.
  net.eval();
  const strategy = new Snas(device, key(1), space);
  const images = device.tensor(
    Array.from({ length: 2 * 8 * 8 }, (_, i) => Math.sin(i)),
    [2, 1, 8, 8],
  );
  const labels = device.tensor([0, 2]);
  const forward = (): void =>
    scope(() => {
      const z = strategy.propose(strategy.inputs({ key: key(2), temperature: 1 }));
      void crossEntropy(space.forward(images, z), labels);
    });
  expect(await locateNonFinite(forward, { modules: { net } })).toBeUndefined();
  const places = net.namedParameters().slice(0, 50);
  expect(places.length).toBe(50);
  let located = 0;
  for (const [name, parameter] of places) {
    const kept = await parameter.data();
    const nothing = scope(() => mul(device.tensor(kept, parameter.shape), NaN));
    assign(parameter, nothing);
    nothing.dispose();
    const found = await locateNonFinite(forward, { modules: { net } });
    const back = device.tensor(kept, parameter.shape);
    assign(parameter, back);
    back.dispose();
    const owner = `net.${name.slice(0, name.lastIndexOf('.'))}`;
    // The two convolutions of a skip connection that halves the image are called by it as functions.
    const caller = owner.replace(/(?<=skip_connect)\.conv[12]$/, '');
    expect([name, found?.inputsFinite, [owner, caller].includes(found?.place ?? '')]).toEqual([name, false, true]);
    located++;
  }
  expect(located).toBe(50);
}, 300_000);
