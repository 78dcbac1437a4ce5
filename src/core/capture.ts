/**
 * @file Captured steps: `capture(step)` runs a function of tensors once to see what it asks of the device, and from then on replays that.
 *
 * A replay builds no graph and allocates nothing: the kernels, their operands and their memory were settled when the step was
 * captured, and intermediates that are never alive together share memory. The results are bit-identical to the function's own.
 */
/// <reference lib="esnext.disposable" preserve="true" />
import type { Program } from '../contract/backend.ts';
import { deviceOf } from './primitive.ts';
import type { Device } from './tensor.ts';
import { CaptureError } from '../contract/errors.ts';
import { enableGrad } from './grad-mode.ts';
import { observer } from './observe.ts';
import { keep, scope } from './scope.ts';
import { synchronous } from './synchronous.ts';
import { sameShape, showShape } from '../contract/shape.ts';
import { type Storage, Tensor, upcomingId } from './tensor.ts';

/** What a step may return. */
export type StepResult = Tensor | readonly Tensor[] | Readonly<Record<string, Tensor>> | void;

export interface CaptureOptions {
  /** Needed only for a step without inputs. */
  readonly device?: Device;
}

/** Figures of a captured step. */
export interface CapturedInfo {
  /** Kernels launched in one run. */
  readonly launches: number;
  /** Bytes of the memory that the intermediates share, and what they would take if each had its own. */
  readonly bytes: number;
  readonly unsharedBytes: number;
}

/** A step that replays itself; call it like the function that it was made of. */
export interface CapturedStep<Inputs extends readonly Tensor[], Result extends StepResult> {
  (...inputs: Inputs): Result;
  /**
   * Captures the step without running it, if that has not happened, and compiles its kernels, in parallel where the device can. Optional:
   * the first call does the same, kernel by kernel. `onProgress` is called after each kernel.
   */
  prepare(inputs: Inputs, onProgress?: (compiled: number, of: number) => void): Promise<void>;
  /** Figures of the capture; undefined before the first call. */
  readonly info: CapturedInfo | undefined;
  /** Frees the step's memory. Calling it again captures anew. */
  dispose(): void;
  [Symbol.dispose](): void;
}

interface Captured<Result> {
  readonly program: Program;
  readonly inputs: readonly Tensor[];
  readonly result: Result;
  readonly outputs: readonly Tensor[];
  readonly made: readonly Tensor[];
  /** Which of the inputs the step changes in place. */
  readonly changed: readonly boolean[];
  /** Memory from outside that it uses, and that it changes in place. */
  readonly used: ReadonlySet<Storage>;
  readonly written: ReadonlySet<Storage>;
}

/**
 * The step as a program that is made at the first call and replayed at every call, on inputs of the same shapes.
 *
 * What may differ from call to call is the content of the inputs, and of tensors from outside that the step reads or updates in place
 * (weights, optimiser state). Everything else is fixed by the first call: branches in JavaScript, numbers, shapes. So a learning rate, a temperature or
 * noise must be a tensor. Returned tensors are new ones at every call and carry no graph: take gradients inside the step. A tensor that the
 * step keeps elsewhere is overwritten by each replay.
 *
 * Calling throws a CaptureError, naming the reason, if the step reads back or waits, takes in host data, or is asynchronous, and if a
 * later call has inputs of other shapes or dtypes; nothing has been done then. A captured step inside another becomes a part of it.
 *
 * @example
 * const step = capture((x: Tensor, y: Tensor) => {
 *   const loss = crossEntropy(model.forward(x), y);
 *   optimizer.apply(grad(loss, model.parameters()));
 *   return loss;
 * });
 * for (const { images, labels } of batches) {
 *   optimizer.prepare();
 *   losses.push(step(images, labels));
 * }
 */
export function capture<Inputs extends readonly Tensor[], Result extends StepResult>(
  step: (...inputs: Inputs) => Result,
  options: CaptureOptions = {},
): CapturedStep<Inputs, Result> {
  let captured: Captured<Result> | undefined;
  const capturedFor = (inputs: Inputs): Captured<Result> => {
    if (captured) checkInputs(captured.inputs, inputs);
    else captured = captureNow(step, inputs, options.device);
    return captured;
  };
  const dispose = (): void => {
    if (!captured) return;
    captured.program.dispose();
    for (const t of [...captured.inputs, ...captured.made]) t.dispose();
    captured = undefined;
  };
  // Inside another captured step it is a part of that one.
  const call = (...inputs: Inputs): Result => {
    if (inputs[0]?.device.backend.capturing || options.device?.backend.capturing) return step(...inputs);
    // On shapes alone there is nothing to replay.
    if (inputs[0]?.device.dry || options.device?.dry) return step(...inputs);
    // Whoever looks at every operation sees those of the function itself, which computes the same bits.
    if (observer) return enableGrad(() => scope(() => ({ result: step(...inputs) }))).result;
    return replay(capturedFor(inputs), inputs);
  };
  return Object.defineProperty(
    Object.assign(call, {
      prepare: async (inputs: Inputs, onProgress?: (compiled: number, of: number) => void): Promise<void> => {
        try {
          await capturedFor(inputs).program.prepare(onProgress);
        } catch (error) {
          // Its memory is not to be had, or the device is lost: a later call captures anew.
          if (!(error instanceof CaptureError)) dispose();
          throw error;
        }
      },
      dispose,
      [Symbol.dispose]: dispose,
    }),
    'info',
    {
      get: (): CapturedInfo | undefined => {
        if (!captured) return undefined;
        const { launches, bytes, unsharedBytes } = captured.program;
        return { launches, bytes, unsharedBytes };
      },
    },
  ) as CapturedStep<Inputs, Result>;
}

function captureNow<Inputs extends readonly Tensor[], Result extends StepResult>(
  step: (...inputs: Inputs) => Result,
  inputs: Inputs,
  given: Device | undefined,
): Captured<Result> {
  if (inputs.length === 0 && !given) throw new CaptureError('capture: a step without inputs needs { device }');
  const device = inputs.length > 0 ? deviceOf('capture', inputs) : given!;
  for (const t of inputs) t.operand('capture');
  // The program reads from tensors of its own, into which each call copies.
  const copies: Tensor[] = [];
  const first = upcomingId();
  let result: StepResult = undefined;
  let outputs: readonly Tensor[] = [];
  /** Those that the step made: not an input or a weight that it returns as it is. */
  let made: readonly Tensor[] = [];
  try {
    for (const t of inputs) copies.push(device.empty(t.shape, t.dtype, true));
    const { program, used, written } = device.capture(() => {
      [result] = enableGrad(() =>
        scope(
          () => [synchronous<StepResult>('capture', 'the step', step(...(copies as unknown as Inputs)), CaptureError)] as const,
        ),
      );
      outputs = tensorsOf(result);
      made = outputs.filter((t) => t.id >= first);
      for (const t of made) keep(t);
    });
    for (const t of made) t.node = undefined;
    const changed = copies.map((t) => written.has(t.storage));
    return { program, inputs: copies, result: result as Result, outputs, made, changed, used, written };
  } catch (error) {
    for (const t of [...copies, ...made]) t.dispose();
    throw error;
  }
}

function replay<Result extends StepResult>(captured: Captured<Result>, inputs: readonly Tensor[]): Result {
  const { program, result, outputs, changed, written } = captured;
  checkMemory(captured, inputs);
  const before = inputs.map((t, i) => [t.operand('capture').handle, captured.inputs[i]!.storage.handle] as const);
  const fresh = new Map<Tensor, Tensor>();
  try {
    for (const t of outputs) fresh.set(t, t.device.empty(t.shape, t.dtype));
    program.run(
      before.filter((_, i) => inputs[i]!.size > 0),
      [
        ...fresh,
        // What the step has changed of an input goes back to where eager code changes it.
        ...captured.inputs.flatMap((copy, i) => (changed[i] ? [[copy, inputs[i]!] as const] : [])),
      ]
        .filter(([from]) => from.size > 0)
        .map(([from, to]) => [from.operand('capture').handle, to.storage.handle] as const),
    );
  } catch (error) {
    for (const t of fresh.values()) t.dispose();
    throw error;
  }
  for (const storage of written) storage.version++;
  for (const [i, input] of inputs.entries()) if (changed[i]) input.storage.version++;
  return withTensors(result, fresh);
}

/**
 * A step works on copies of its inputs. Where it changes one in place, or changes one of them by another name, what it reads is as in eager
 * code only if each piece of memory goes into it in one way.
 */
function checkMemory({ changed, used, written }: Captured<unknown>, inputs: readonly Tensor[]): void {
  for (const [i, { storage }] of inputs.entries()) {
    const twice = inputs.some((other, j) => j !== i && other.storage === storage);
    if (written.has(storage) || (changed[i] && (twice || used.has(storage)))) {
      throw new CaptureError(
        `capture: the step changes input ${i} in place and also uses its memory as ${twice ? 'another input' : 'a tensor from outside'}; ` +
          'pass it once, as an input or from outside, or call the function uncaptured',
      );
    }
  }
}

function checkInputs(expected: readonly Tensor[], given: readonly Tensor[]): void {
  if (given.length !== expected.length) {
    throw new CaptureError(`capture: the step was captured with ${expected.length} inputs and called with ${given.length}`);
  }
  for (const [i, t] of given.entries()) {
    const e = expected[i]!;
    if (t.device !== e.device) throw new CaptureError(`capture: input ${i} is on another device than the captured step`);
    if (!sameShape(t.shape, e.shape) || t.dtype !== e.dtype) {
      throw new CaptureError(
        `capture: input ${i} has shape ${showShape(t.shape)} and dtype ${t.dtype}, but the step was captured for ${showShape(e.shape)}, ${e.dtype}; ` +
          'capture the function once more for each shape (the last batch of an epoch?), or call it uncaptured',
      );
    }
  }
}

function tensorsOf(result: StepResult): Tensor[] {
  if (result === undefined) return [];
  if (isTensor(result)) return [result];
  const values: readonly unknown[] = typeof result === 'object' && result !== null ? Object.values(result) : [result];
  if (!values.every(isTensor)) {
    throw new CaptureError('capture: a step returns a tensor, or an array or plain object of tensors, or nothing');
  }
  return [...new Set(values)];
}

function withTensors<Result extends StepResult>(result: Result, fresh: ReadonlyMap<Tensor, Tensor>): Result {
  if (result === undefined) return result;
  if (isTensor(result)) return fresh.get(result) as Result;
  if (Array.isArray(result)) return result.map((t: Tensor) => fresh.get(t)!) as unknown as Result;
  const entries = Object.entries(result as Readonly<Record<string, Tensor>>);
  return Object.fromEntries(entries.map(([name, t]) => [name, fresh.get(t)!])) as Result;
}

function isTensor(value: unknown): value is Tensor {
  return value instanceof Tensor;
}
