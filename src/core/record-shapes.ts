/** @file A recording that runs nothing: what a function of tensors asks of a device at given shapes, and the shapes of what it returns. */
import type { DType } from '../contract/backend.ts';
import { OptionError } from '../contract/errors.ts';
import { checkShape, type Shape, showValue } from '../contract/shape.ts';
import { withComposites } from './fused-rows.ts';
import { type Recorder, withRecorder } from './recorder.ts';
import { scope, tensorsIn } from './scope.ts';
import { type NotAsync, synchronous } from './synchronous.ts';
import { type Device, NO_MEMORY, type Storage, Tensor } from './tensor.ts';

/** A tensor of a recording. */
export interface RecordedTensor {
  /** Which piece of memory, numbered in the order in which the recording met them, inputs first: reshapes of one tensor share theirs. */
  readonly memory: number;
  readonly shape: Shape;
  readonly dtype: DType;
  /** An input of the function, a tensor that was there before (a weight), or one that the function made. */
  readonly origin: 'input' | 'outside' | 'made';
}

/** An operation that the function asked for. Reshapes are none: they are other views of one memory. */
export interface RecordedOperation {
  /** The primitive, the fused operation, or the kernel of `device.launch`. */
  readonly op: string;
  readonly params: unknown;
  readonly inputs: readonly RecordedTensor[];
  /** For an operation in place, the tensors that it changes. */
  readonly outputs: readonly RecordedTensor[];
  /** The operations of the composite that defines a fused operation; none for a primitive. */
  readonly parts: readonly RecordedOperation[];
}

export interface Recording {
  readonly outputs: readonly RecordedTensor[];
  /** In the order in which they were asked for. */
  readonly operations: readonly RecordedOperation[];
  /** The number of a tensor's memory, for one that was there before; undefined where the function does not touch it. */
  memoryOf(tensor: Tensor): number | undefined;
}

/**
 * Runs the JavaScript of a function of tensors on shapes alone: every operation checks its operands as ever, and nothing is allocated, launched,
 * written or added to a graph, on any device. What is noted is the same on all devices: an operation that is fused somewhere is one operation
 * everywhere, with the primitives of its composite as its parts.
 *
 * The inputs are floats of the device, of the shapes given. Tensors from outside (weights) keep their values, running statistics
 * included. What the function throws is thrown. OptionError where it returns anything but a tensor or an array of tensors, and where it makes
 * parameters, which would have no values.
 *
 * @example
 * const { outputs, operations } = recordShapes(device, (x) => layer.forward(x), [[1, 16, 32, 32]]);
 */
export function recordShapes(
  device: Device,
  body: (...inputs: Tensor[]) => NotAsync<Tensor | readonly Tensor[]>,
  inputShapes: readonly Shape[],
): Recording {
  for (const [i, shape] of inputShapes.entries()) checkShape('recordShapes', shape, `the shape of input ${i}`);
  const notes = new Notes();
  const outputs = withComposites<readonly RecordedTensor[]>(() =>
    withRecorder(notes, () =>
      device.dryRun(() =>
        scope<readonly RecordedTensor[]>(() => {
          const inputs = inputShapes.map((shape) => device.empty(shape));
          notes.begin(inputs);
          const result: Tensor | readonly Tensor[] = synchronous('recordShapes', 'the function', body(...inputs));
          const list: readonly unknown[] = result instanceof Tensor ? [result] : Array.isArray(result) ? result : [undefined];
          return list.map((t) => {
            if (!(t instanceof Tensor)) {
              throw new OptionError(
                `recordShapes: the function returned ${showValue(result)}; it must return a tensor or an array of tensors`,
              );
            }
            t.operand('recordShapes');
            return notes.tensor(t);
          });
        }),
      ),
    ),
  );
  return { outputs, operations: notes.operations, memoryOf: ({ storage }) => notes.memory.get(storage) };
}

class Notes implements Recorder {
  readonly memory = new Map<Storage, number>();
  operations: RecordedOperation[] = [];
  #inputs = 0;

  begin(inputs: readonly Tensor[]): void {
    for (const t of inputs) this.tensor(t);
    this.#inputs = inputs.length;
  }

  tensor({ storage, shape, dtype }: Tensor): RecordedTensor {
    const memory = this.memory.get(storage) ?? this.memory.size;
    this.memory.set(storage, memory);
    const made = storage.handle === NO_MEMORY;
    return { memory, shape, dtype, origin: memory < this.#inputs ? 'input' : made ? 'made' : 'outside' };
  }

  operation(op: string, params: unknown, inputs: readonly Tensor[], outputs: readonly Tensor[]): void {
    this.#note(op, params, inputs, outputs, []);
  }

  composite<T>(op: string, params: unknown, inputs: readonly Tensor[], body: () => T, targets?: readonly Tensor[]): T {
    const around = this.operations;
    const parts: RecordedOperation[] = [];
    this.operations = parts;
    let result: T;
    try {
      result = body();
    } finally {
      this.operations = around;
    }
    this.#note(op, params, inputs, targets ?? [...tensorsIn(result)], parts);
    return result;
  }

  #note(
    op: string,
    params: unknown,
    inputs: readonly Tensor[],
    outputs: readonly Tensor[],
    parts: readonly RecordedOperation[],
  ): void {
    this.operations.push({
      op,
      params,
      inputs: inputs.map((t) => this.tensor(t)),
      outputs: outputs.map((t) => this.tensor(t)),
      parts,
    });
  }
}
