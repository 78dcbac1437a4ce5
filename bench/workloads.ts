/** @file The tasks in reparam, as a user would write them, for this checkout or another one. */
import type { Device, Tensor } from '../src/index.ts';
import { elementsOf, norm } from './data.ts';
import { edgeComputations, type HostInput } from './edge-workloads.ts';
import { HERE, type Library, type Prepared } from './library.ts';
import type { EdgeOperation, Input, Operation, Task } from './tasks.ts';

type Compute = (xs: readonly Tensor[], task: Task) => Tensor;

function computations(library: Library): Readonly<Record<Exclude<Operation, EdgeOperation>, Compute>> {
  const { avgPool2d, batchNorm2d, conv2d, crossEntropy, flatten, linear, matmul, maxPool2d, mixedSum, relu, slice, softmax } =
    library;
  const depthwise = (x: Tensor, w: Tensor, dilation: number): Tensor =>
    conv2d(x, w, { padding: ((w.shape[2]! - 1) * dilation) / 2, dilation, groups: x.shape[1]! });
  const same = (x: Tensor, w: Tensor): Tensor => conv2d(x, w, { padding: (w.shape[2]! - 1) / 2 });
  const maxPool3 = (x: Tensor): Tensor => maxPool2d(x, 3, { stride: 1, padding: 1 });
  const avgPool3 = (x: Tensor): Tensor => avgPool2d(x, 3, { stride: 1, padding: 1 });
  const normalise = (x: Tensor): Tensor => batchNorm2d(x);

  const mixedOp = (x: Tensor, alpha: Tensor, w: readonly Tensor[]): Tensor => {
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
  };
  const cnnLoss = (x: Tensor, labels: Tensor, p: readonly Tensor[]): Tensor => {
    let h = x;
    for (let i = 0; i < 3; i++) h = relu(batchNorm2d(same(h, p[i]!), { weight: p[3 + i]!, bias: p[6 + i]! }));
    return crossEntropy(linear(flatten(maxPool2d(h, 2), 1), p[9]!, p[10]), labels);
  };
  return {
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
}

/** Makes the data; `captured` records the task once and replays it. The device is of the same library. */
export function prepare(device: Device, task: Task, captured: boolean, library: Library = HERE): Prepared {
  const { capture, grad, noGrad, scope } = library;
  const onHost = (input: Input): HostInput => ({ elements: elementsOf(input), shape: input.shape });
  const put = (input: Input): Tensor => device.parameter(elementsOf(input), input.shape);
  const inputs = task.inputs.map(put);
  const cotangent = task.cotangent && put(task.cotangent);
  const compute: Compute = {
    ...computations(library),
    ...edgeComputations(library, device, task.inputs.map(onHost)),
  }[task.operation];
  if (task.direction === 'step') return prepareStep(device, task, inputs, compute, captured, library);
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

function prepareStep(
  device: Device,
  task: Task,
  inputs: readonly Tensor[],
  compute: Compute,
  captured: boolean,
  library: Library,
): Prepared {
  const { Adam, add, capture, clipGradNorm, grad, scope, SGD } = library;
  const parameters = inputs.slice(2);
  const clipped = task.operation === 'clippedStep';
  const optimizer = clipped ? new Adam(parameters, { lr: 0.01 }) : new SGD(parameters, { lr: 0.01 });
  const body = (): void => {
    const gradients = grad(compute(inputs, task), parameters);
    optimizer.apply(gradients, clipped ? { scale: clipGradNorm(gradients, 1).scale } : {});
  };
  const step = captured ? capture(body, { device }) : undefined;
  const run = (): void => {
    optimizer.prepare();
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
      optimizer.dispose();
      for (const t of inputs) t.dispose();
    },
  };
}
