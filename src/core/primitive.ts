/** @file How an operation is applied: operands checked, a kernel of the backend run, a node added to the graph. */
import type { DType, Primitive, PrimitiveParams } from '../contract/backend.ts';
import { DeviceMismatchError, DTypeError, OptionError } from '../contract/errors.ts';
import { type Shape, showShape } from '../contract/shape.ts';
import { isGradEnabled } from './grad-mode.ts';
import { addNode, type Device, type Tensor } from './tensor.ts';

/** The one device of some operands, or an error naming the operation. */
export function deviceOf(op: string, tensors: readonly Tensor[]): Device {
  const device = tensors[0]?.device;
  if (!device) throw new OptionError(`${op}: needs at least one tensor`);
  for (const t of tensors) {
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

/** The one device of an operation that changes `targets`: all operands are floats, and no two targets share memory. */
export function checkInPlace(op: string, inputs: readonly Tensor[], targets: readonly Tensor[]): Device {
  const device = deviceOf(op, [...inputs, ...targets]);
  checkFloats(op, [...inputs, ...targets]);
  if (new Set(targets.map((t) => t.storage)).size < targets.length) {
    throw new OptionError(`${op}: two of the tensors that it changes share memory; each must be given once`);
  }
  return device;
}

/** Applies a primitive: checks operands, runs it, and adds a node with its VJPs to the graph unless under `noGrad`. */
export function apply<P extends Primitive>(
  op: P,
  params: PrimitiveParams[P],
  inputs: readonly Tensor[],
  shape: Shape,
  vjps: InputVjps = [],
  dtype?: DType,
): Tensor {
  const device = deviceOf(op, inputs);
  if (dtype === undefined) checkFloats(op, inputs);
  const operands = inputs.map((t) => t.operand(op));
  const out = device.empty(shape, dtype ?? device.dtype);
  if (out.size > 0) device.backend.run(op, params, operands, [out.operand(op)]);
  if (isGradEnabled() && vjps.length > 0) {
    addNode(op, inputs, out, (g, needs) => inputs.map((_, i) => (needs[i] ? vjps[i]?.(g, out) : undefined)));
  }
  return out;
}

/** Applies a primitive that changes tensors in place; never differentiable. */
export function applyInPlace<P extends Primitive>(
  op: P,
  params: PrimitiveParams[P],
  inputs: readonly Tensor[],
  targets: readonly Tensor[],
): void {
  const device = checkInPlace(op, inputs, targets);
  device.run(op, params, inputs, targets);
  device.noteWrites(targets);
}
