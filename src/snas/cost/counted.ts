/**
 * @file What an option costs, counted from the operations that it asks for at its inputs' shapes: parameters, multiply-adds, elements moved.
 *
 * For options of any kind, where the DARTS space has the article's own table. Nothing is computed. docs/spaces.md states the convention.
 */
import type { PoolGeometry } from '../../contract/backend.ts';
import { OptionError } from '../../contract/errors.ts';
import { type Shape, sizeOf } from '../../contract/shape.ts';
import { type RecordedOperation, type RecordedTensor, type Recording, recordShapes } from '../../core/record-shapes.ts';
import type { Device, Tensor } from '../../core/tensor.ts';
import { Module } from '../../nn/module.ts';
import type { Cost } from '../space/resources.ts';

/** What can be priced: a module with a forward pass, or a function of tensors. */
export type Priced = (Module & { forward(...inputs: never[]): Tensor }) | ((...inputs: Tensor[]) => Tensor);

/** One operation of an option, and what it adds to the option's cost. */
export interface CountedOperation {
  readonly op: string;
  readonly inputs: readonly Shape[];
  readonly outputs: readonly Shape[];
  readonly flops: number;
  readonly memory: number;
}

export interface CountedCost {
  /** Of one forward pass at these shapes, all of a batch together. */
  readonly cost: Cost;
  readonly outputShape: Shape;
  /** Every operation, those included that count as nothing. */
  readonly operations: readonly CountedOperation[];
}

/**
 * The cost of an option at its inputs' shapes, with nothing computed and no memory used; a shape that it does not take is its own ShapeError.
 *
 * `parameters` are elements of tensors from outside that it reads, running statistics left out where the option is a module or trains them.
 * `flops` are multiply-adds of products, and for a pool or a sum one for each element that enters it, padding included. `memory` is the elements
 * that products, pools and sums read and write, weights included. Elementwise operations, normalisations and copies count as nothing, as if
 * computed on the way; an option of those alone reads its inputs and writes its output once.
 *
 * The device is the module's; a function, or a module without tensors, needs `device`. Modules stay in their mode: in training a batch norm
 * refuses one value a channel, as when it runs.
 *
 * @example
 * const { cost, outputShape } = countCost(layer, [[1, 16, 32, 32]]);
 */
export function countCost(option: Priced, inputShapes: readonly Shape[], options: { readonly device?: Device } = {}): CountedCost {
  const state = option instanceof Module ? [...option.stateTensors()] : [];
  const device = state[0]?.tensor.device ?? options.device;
  if (!device) throw new OptionError('countCost: a function, or a module without tensors, needs { device }');
  // A forward pass may take options after its tensors; it is given none.
  const forward = option instanceof Module ? (...inputs: Tensor[]): Tensor => option.forward(...(inputs as never[])) : option;
  const recording = recordShapes(device, forward, inputShapes);
  const [output, ...more] = recording.outputs;
  if (!output || more.length > 0) throw new OptionError(`countCost: an option has one output, not ${recording.outputs.length}`);
  const operations = recording.operations.map((o): CountedOperation => ({
    op: o.op,
    inputs: shapesOf(o.inputs),
    outputs: shapesOf(o.outputs),
    ...counted(o),
  }));
  const notTrained = new Set(state.flatMap(({ trainable, tensor }) => (trainable ? [] : [recording.memoryOf(tensor)])));
  const parameters = elements(weightsOf(recording, notTrained));
  const sum = (of: (o: CountedOperation) => number): number => operations.reduce((total, o) => total + of(o), 0);
  const memory = sum((o) => o.memory) || elements(inputsOf(recording)) + sizeOf(output.shape);
  return { cost: { parameters, flops: sum((o) => o.flops), memory }, outputShape: output.shape, operations };
}

type Count = Pick<CountedOperation, 'flops' | 'memory'>;

/** Fused operations that count as nothing, for they stand for elementwise operations and statistics. */
const FREE: ReadonlySet<string> = new Set(['softmax', 'logSoftmax', 'crossEntropy', 'batchNorm2d', 'batchNormAffine2d']);

function counted(operation: RecordedOperation): Count {
  const own = multiplyAdds(operation);
  // A fused operation of somebody else is as much work as its parts, and reads and writes each operand once.
  const parts = own === undefined && !FREE.has(operation.op) ? operation.parts.map(counted) : [];
  const flops = own ?? parts.reduce((sum, part) => sum + part.flops, 0);
  const moves = own !== undefined || parts.some((part) => part.memory > 0);
  return { flops, memory: moves ? elements([...operation.inputs, ...operation.outputs]) : 0 };
}

/** Products, pools and sums; undefined for everything else. */
function multiplyAdds({ op, params, inputs, outputs }: RecordedOperation): number | undefined {
  const [a, b] = inputs.map((t) => t.shape) as [Shape, Shape];
  const output = outputs[0]?.shape ?? [];
  /** For a filter [o, i, kh, kw]: products that make one element of its output. */
  const taps = (filter: Shape): number => sizeOf(filter.slice(1));
  switch (op) {
    case 'conv2d':
      return sizeOf(output) * taps(b);
    case 'conv2dInput':
      return sizeOf(a) * taps(b);
    case 'conv2dFilter':
      return sizeOf(b) * taps(output);
    case 'matmul':
      return sizeOf(output) * a.at((params as { readonly transposeA: boolean }).transposeA ? -2 : -1)!;
    case 'maxPool2d':
    case 'avgPool2d':
      return sizeOf(output) * sizeOf((params as PoolGeometry).kernel);
    case 'sumTo':
    case 'maxTo':
      return sizeOf(a);
    default:
      return undefined;
  }
}

function shapesOf(tensors: readonly RecordedTensor[]): Shape[] {
  return tensors.map((t) => t.shape);
}

function elements(tensors: readonly RecordedTensor[]): number {
  return tensors.reduce((sum, t) => sum + sizeOf(t.shape), 0);
}

/** All operations with their parts, and theirs. */
function* withParts(operations: readonly RecordedOperation[]): Iterable<RecordedOperation> {
  for (const operation of operations) {
    yield operation;
    yield* withParts(operation.parts);
  }
}

/** Tensors from outside that are read, each memory once; none of those that are written, for they are statistics. */
function weightsOf({ operations, outputs }: Recording, notTrained: ReadonlySet<number | undefined>): RecordedTensor[] {
  const found = new Map(outputs.map((t) => [t.memory, t]));
  const written = new Set<number>();
  for (const operation of withParts(operations)) {
    for (const t of operation.inputs) found.set(t.memory, t);
    for (const t of operation.outputs) written.add(t.memory);
  }
  return [...found.values()].filter((t) => t.origin === 'outside' && !written.has(t.memory) && !notTrained.has(t.memory));
}

/** Inputs that are read or returned, each once. */
function inputsOf({ operations, outputs }: Recording): RecordedTensor[] {
  const found = new Map(outputs.map((t) => [t.memory, t]));
  for (const operation of withParts(operations)) for (const t of operation.inputs) found.set(t.memory, t);
  return [...found.values()].filter((t) => t.origin === 'input');
}
