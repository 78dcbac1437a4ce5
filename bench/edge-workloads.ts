/** @file The tasks of edge-tasks.ts in reparam. */
import type { Device, Tensor } from '../src/index.ts';
import type { Library } from './library.ts';
import type { EdgeOperation, Task } from './tasks.ts';

/** An input as the host has it. */
export interface HostInput {
  readonly elements: Float32Array;
  readonly shape: readonly number[];
}

type Compute = (xs: readonly Tensor[], task: Task) => Tensor;

function rowsOf({ elements, shape: [r = 1, m = 1] }: HostInput): number[][] {
  return Array.from({ length: r }, (_, i) => [...elements.subarray(i * m, (i + 1) * m)]);
}

export function edgeComputations(
  library: Library,
  device: Device,
  inputs: readonly HostInput[],
): Readonly<Record<EdgeOperation, Compute>> {
  const { add, crossEntropy, greater, linear, log, logSumExp, max, maximum, maxPool2d, mul, put, relu } = library;
  const { scope, sigmoid, slice, softmax, softplus, sum, take, variance, where } = library;
  const axisOf = ({ axis }: Task): number | undefined => axis;
  const some = <T>(make: () => T): (() => T) => {
    let made: T | undefined;
    return () => (made ??= make());
  };
  const rows = inputs.map((input) => some(() => rowsOf(input)));
  const list = some(() => [...inputs[0]!.elements]);
  // A checkout from before lists were taken gets the tensor that a user made of them.
  const takesLists = some(() => {
    try {
      scope(() => void take(device.tensor([[1, 2]]), [[0]]));
      return true;
    } catch {
      return false;
    }
  });
  const labels = some(() => [...(inputs[1]?.elements ?? [])]);
  return {
    max: ([x], task) => max(x!, axisOf(task)),
    maximum: ([x, y]) => maximum(x!, y!),
    greater: ([x, y]) => greater(x!, y!),
    where: ([c, x, y]) => where(c!, x!, y!),
    relu: ([x]) => relu(x!),
    sigmoid: ([x]) => sigmoid(x!),
    softplus: ([x]) => softplus(x!),
    log: ([x]) => log(x!),
    softmax: ([x], { axis = -1 }) => softmax(x!, axis),
    logSumExp: ([x], { axis = -1 }) => logSumExp(x!, axis),
    maxPool2: ([x]) => maxPool2d(x!, 2),
    sum: ([x], task) => sum(x!, axisOf(task)),
    variance: ([x], task) => variance(x!, axisOf(task)),
    take: ([x, i]) => take(x!, i!),
    put: ([g, i]) => put(g!, i!, 1000),
    takeRows: ([x]) => take(x!, takesLists() ? rows[1]!() : device.tensor(rows[1]!())),
    putRows: ([g]) => put(g!, takesLists() ? rows[1]!() : device.tensor(rows[1]!()), 1000),
    labelList: ([x]) => crossEntropy(x!, takesLists() ? labels() : device.tensor(labels())),
    numberList: () => device.tensor(list()),
    nestedList: () => device.tensor(rows[0]!()),
    smallOperations: ([a, b]) => {
      let h = a!;
      for (let i = 0; i < 100; i++) h = slice(add(mul(h, b!), a!), [0], [8]);
      return h;
    },
    clippedStep: ([x, l, ...w]) => crossEntropy(linear(relu(linear(relu(linear(x!, w[0]!)), w[1]!)), w[2]!), l!),
    snasStep: () => {
      throw new Error('snasStep: each checkout has its own, in bench/snas-step.ts');
    },
  };
}
