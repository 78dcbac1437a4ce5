/** @file The tasks in reparam, as a user would write them. */
import {
  add,
  avgPool2d,
  batchNorm2d,
  capture,
  conv2d,
  crossEntropy,
  type Device,
  flatten,
  grad,
  linear,
  matmul,
  maxPool2d,
  mixedSum,
  noGrad,
  relu,
  scope,
  slice,
  softmax,
  type Tensor,
} from '../src/index.ts';
import { SGD } from '../src/optim/index.ts';
import { elementsOf, norm } from './data.ts';
import type { Input, Operation, Task } from './tasks.ts';

/** A task with its data on a device. */
export interface Prepared {
  /** Starts one run; `device.finish()` waits for its end. */
  readonly run: () => void;
  /** One run, and the norm of each output, gradient or change of a parameter. */
  readonly check: () => Promise<number[]>;
  readonly dispose: () => void;
}

const depthwise = (x: Tensor, w: Tensor, dilation: number): Tensor =>
  conv2d(x, w, { padding: ((w.shape[2]! - 1) * dilation) / 2, dilation, groups: x.shape[1]! });
const same = (x: Tensor, w: Tensor): Tensor => conv2d(x, w, { padding: (w.shape[2]! - 1) / 2 });
const maxPool3 = (x: Tensor): Tensor => maxPool2d(x, 3, { stride: 1, padding: 1 });
const avgPool3 = (x: Tensor): Tensor => avgPool2d(x, 3, { stride: 1, padding: 1 });
const normalise = (x: Tensor): Tensor => batchNorm2d(x);

function mixedOp(x: Tensor, alpha: Tensor, w: readonly Tensor[]): Tensor {
  const block = (h: Tensor, at: number, dilation: number): Tensor =>
    normalise(conv2d(depthwise(relu(h), w[at]!, dilation), w[at + 1]!));
  return mixedSum(slice(softmax(alpha), [1]), [
    normalise(maxPool3(x)),
    normalise(avgPool3(x)),
    x,
    block(block(x, 0, 1), 2, 1),
    block(block(x, 4, 1), 6, 1),
    block(x, 8, 2),
    block(x, 10, 2),
  ]);
}

function cnnLoss(x: Tensor, labels: Tensor, p: readonly Tensor[]): Tensor {
  let h = x;
  for (let i = 0; i < 3; i++) h = relu(batchNorm2d(same(h, p[i]!), { weight: p[3 + i]!, bias: p[6 + i]! }));
  return crossEntropy(linear(flatten(maxPool2d(h, 2), 1), p[9]!, p[10]), labels);
}

type Compute = (xs: readonly Tensor[], task: Task) => Tensor;

const COMPUTE: Readonly<Record<Operation, Compute>> = {
  matmul: ([a, b]) => matmul(a!, b!),
  conv: ([x, w]) => same(x!, w!),
  separable: ([x, w, p], { dilation }) => conv2d(depthwise(x!, w!, dilation), p!),
  depthwise: ([x, w], { dilation }) => depthwise(x!, w!, dilation),
  batchNorm: ([x, weight, bias]) => batchNorm2d(x!, { weight: weight!, bias: bias! }),
  maxPool: ([x]) => maxPool3(x!),
  avgPool: ([x]) => avgPool3(x!),
  crossEntropy: ([x, labels]) => crossEntropy(x!, labels!),
  cnnStep: ([x, labels, ...p]) => cnnLoss(x!, labels!, p),
  mixedOp: ([x, alpha, ...w]) => mixedOp(x!, alpha!, w),
};

/** Makes the data; `captured` records the task once and replays it. */
export function prepare(device: Device, task: Task, captured: boolean): Prepared {
  const put = (input: Input): Tensor => device.parameter(elementsOf(input), input.shape);
  const inputs = task.inputs.map(put);
  const cotangent = task.cotangent && put(task.cotangent);
  const compute = COMPUTE[task.operation];
  if (task.direction === 'step') return prepareStep(device, task, inputs, compute, captured);
  const wanted = inputs.filter((_, i) => task.inputs[i]!.role !== 'labels');
  const body = (): Tensor[] => {
    // A forward pass alone is never recorded by the peers either.
    if (task.direction === 'f') return [noGrad(() => compute(inputs, task))];
    return grad(compute(inputs, task), wanted, cotangent ? { cotangent } : {});
  };
  const step = captured ? capture(body, { device }) : undefined;
  const outputs = step ?? ((): Tensor[] => scope(body));
  return {
    run: () => {
      for (const t of outputs()) t.dispose();
    },
    check: async () => {
      const results = outputs();
      const norms: number[] = [];
      for (const t of results) norms.push(norm(await t.data()));
      for (const t of results) t.dispose();
      return norms;
    },
    dispose: () => {
      step?.dispose();
      for (const t of [...inputs, ...(cotangent ? [cotangent] : [])]) t.dispose();
    },
  };
}

function prepareStep(device: Device, task: Task, inputs: readonly Tensor[], compute: Compute, captured: boolean): Prepared {
  const parameters = inputs.slice(2);
  const sgd = new SGD(parameters, { lr: 0.01 });
  const body = (): void => sgd.apply(grad(compute(inputs, task), parameters));
  const step = captured ? capture(body, { device }) : undefined;
  const run = (): void => {
    sgd.prepare();
    if (step) step();
    else scope(body);
  };
  return {
    run,
    check: async () => {
      const before = parameters.map((t) => scope(() => add(t, 0)));
      run();
      const norms: number[] = [];
      for (const [i, t] of parameters.entries()) {
        const [was, is] = [await before[i]!.data(), await t.data()];
        norms.push(norm(is.map((v, k) => v - was[k]!)));
      }
      for (const t of before) t.dispose();
      return norms;
    },
    dispose: () => {
      step?.dispose();
      sgd.dispose();
      for (const t of inputs) t.dispose();
    },
  };
}
