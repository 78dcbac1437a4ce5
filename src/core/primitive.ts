/** @file How an operation is applied: operands checked, a kernel of the backend run, a node added to the graph. */
import type { DType, Primitive, PrimitiveParams } from '../contract/backend.ts';
import { DeviceMismatchError, DTypeError, OptionError, ShapeError } from '../contract/errors.ts';
import { sameShape, type Shape, showShape, showValue } from '../contract/shape.ts';
import { isGradEnabled } from './grad-mode.ts';
import { isWritten } from './recomputing.ts';
import { shared } from './share-equal.ts';
import { addNode, type Device, Tensor } from './tensor.ts';

/** A tensor, or a number that stands for a scalar constant on the other operand's device. */
export type Operand = Tensor | number;

/** The shape of an operand, [] for a number. */
export function shapeOf(op: string, operand: Operand): Shape {
  if (operand instanceof Tensor) return operand.shape;
  if (typeof operand === 'number') return [];
  throw new OptionError(`${op}: operand ${showValue(operand)} must be a tensor or a number`);
}

/** The one device of some operands, or an error naming the operation. */
export function deviceOf(op: string, tensors: readonly Tensor[]): Device {
  const device = tensors[0]?.device;
  if (!device) throw new OptionError(`${op}: needs at least one tensor`);
  for (const t of tensors) {
    if (!(t instanceof Tensor)) throw new OptionError(`${op}: operand ${showValue(t)} must be a tensor`);
    if (t.device !== device) {
      throw new DeviceMismatchError(
        `${op}: operands are on different devices (${device.name}, ${device.dtype}; ${t.device.name}, ${t.device.dtype}); ` +
          'copy one: other.tensor(await x.data(), x.shape)',
      );
    }
  }
  return device;
}

/** One vector-Jacobian product per input, in terms of the cotangent g and the output y; undefined where there is none. */
export type InputVjps = readonly (((g: Tensor, y: Tensor) => Tensor) | undefined)[];

/** Refuses operands that are not floats: an error names the operation and the first of them. */
export function checkFloats(op: string, tensors: readonly Tensor[]): void {
  for (const t of tensors) {
    if (t.dtype === 'uint32') {
      throw new DTypeError(`${op}: operand of shape ${showShape(t.shape)} is uint32; this operation takes floats`);
    }
  }
}

/** Refuses inputs of a dtype that the primitive does not take: all take floats, but for the two that turn words into others. */
function checkInputs(op: Primitive, tensors: readonly Tensor[]): void {
  if (op !== 'randomBits' && op !== 'bitsToUniform') return checkFloats(op, tensors);
  for (const t of tensors) {
    if (t.dtype !== 'uint32') {
      throw new DTypeError(`${op}: operand of shape ${showShape(t.shape)} is ${t.dtype}; this operation takes uint32`);
    }
  }
}

/** Gives a tensor that is about to be changed memory of its own, where others have the same content in it. */
export function ownMemory(t: Tensor): void {
  const { storage, device } = t;
  const { sharers } = storage;
  if (!sharers || device.dry) return;
  storage.sharers = undefined;
  if (--sharers.count === 0) return;
  const own = device.empty(t.shape, t.dtype, true);
  device.run('assign', {}, [t], [own]);
  [storage.handle, own.storage.handle] = [own.storage.handle, storage.handle];
  own.dispose();
}

/** Whether an operation that changes these is left out, because it was done when its function was run first. */
export function alreadyDone(op: string, targets: readonly Tensor[]): boolean {
  const outside = targets.filter(isWritten).length;
  if (outside > 0 && outside < targets.length)
    throw new OptionError(`${op}: changes tensors inside and outside of a checkpoint's function at once; change them one by one`);
  return outside > 0;
}

/** The one device of an operation that changes `targets`: all operands are floats, and no two targets share memory. */
export function checkInPlace(op: string, inputs: readonly Tensor[], targets: readonly Tensor[]): Device {
  const device = deviceOf(op, [...inputs, ...targets]);
  checkFloats(op, [...inputs, ...targets]);
  for (const t of [...inputs, ...targets]) t.operand(op);
  if (new Set(targets.map((t) => t.storage)).size < targets.length) {
    throw new OptionError(`${op}: two of the tensors that it changes share memory; each must be given once`);
  }
  return device;
}

/**
 * Applies a primitive: checks operands, runs it, and adds a node with its VJPs to the graph unless under `noGrad`. A number is a constant
 * of this call alone: it takes no gradient, and the graph does not hold the tensor that was made of it.
 */
export function apply<P extends Primitive>(
  op: P,
  params: PrimitiveParams[P],
  inputs: readonly Operand[],
  shape: Shape,
  vjps: InputVjps = [],
  dtype?: DType,
): Tensor {
  const given = inputs.every((x) => x instanceof Tensor) ? inputs : inputs.filter((x) => x instanceof Tensor);
  const device = deviceOf(op, given);
  checkInputs(op, given);
  const run = (tensors: readonly Tensor[]): Tensor => {
    for (const t of tensors) t.operand(op);
    const out = device.empty(shape, dtype ?? device.dtype);
    if (out.size > 0) device.run(op, params, tensors, [out]);
    return out;
  };
  const make = (): readonly [Tensor] => {
    const out = given === inputs ? run(given) : device.withScalars(inputs, run);
    addOperation(op, inputs, out, vjps);
    return [out];
  };
  return op === 'randomBits' ? make()[0] : shared(op, [params, shape], inputs, make)[0]!;
}

/** Adds a node with a VJP for each operand to the graph, unless under `noGrad`; numbers are left out of it. */
export function addOperation(op: string, operands: readonly Operand[], out: Tensor, vjps: InputVjps): void {
  if (!isGradEnabled() || vjps.length === 0) return;
  const inputs = operands.filter((x) => x instanceof Tensor);
  const places = vjps.filter((_, i) => operands[i] instanceof Tensor);
  addNode(op, inputs, out, (g, needs) => inputs.map((_, i) => (needs[i] ? places[i]?.(g, out) : undefined)));
}

/** Applies a primitive that changes tensors of one shape, that of its first input, in place; never differentiable. */
export function applyInPlace<P extends Primitive>(
  op: P,
  params: PrimitiveParams[P],
  inputs: readonly Tensor[],
  targets: readonly Tensor[],
): void {
  const device = checkInPlace(op, inputs, targets);
  for (const t of targets) {
    if (!sameShape(t.shape, inputs[0]!.shape)) {
      throw new ShapeError(`${op}: ${showShape(inputs[0]!.shape)} does not fit ${showShape(t.shape)}, which it changes in place`);
    }
  }
  if (alreadyDone(op, targets)) return;
  for (const t of targets) ownMemory(t);
  if (targets[0]!.size > 0) device.run(op, params, inputs, targets);
  device.noteWrites(targets);
}
