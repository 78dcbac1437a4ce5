/**
 * @file The rows of fused kernels that a backend has, as the core uses them: the only place that runs them, on checked operands.
 *
 * What a row may be given its composite says: before a row runs, the composite is run on the shapes alone (`Admission`), and refuses what it
 * refuses where it computes. So no row, and no kernel of a user, takes operands that its primitives would not.
 */
import type { FusedName, FusedOperands, FusedParams, FusedRow, FusedTable, Operand } from '../contract/backend.ts';
import { ShapeError } from '../contract/errors.ts';
import { sameShape, type Shape, showShape } from '../contract/shape.ts';
import { observer } from './observe.ts';
import { alreadyDone, checkFloats, checkInPlace, deviceOf, ownMemory } from './primitive.ts';
import { recorder } from './recorder.ts';
import { scope } from './scope.ts';
import { type NotAsync, synchronous } from './synchronous.ts';
import type { Device, Tensor } from './tensor.ts';

let compositesOnly = 0;

/** Runs `body` with every fused operation computed by its composite: the other side of `kernel == composite`. */
export function withComposites<T>(body: () => NotAsync<T>): T {
  compositesOnly++;
  try {
    return synchronous('withComposites', 'the body', body());
  } finally {
    compositesOnly--;
  }
}

/** Whether every fused operation is computed by its composite now. */
export function compositesChosen(): boolean {
  return compositesOnly > 0;
}

/** The device's row for an operation; undefined where it has none, or composites are chosen. */
export function rowOf<F extends FusedName>(device: Device, name: F): FusedTable[F] | undefined {
  return compositesOnly > 0 ? undefined : device.backend.fused[name];
}

/** The device of operands of which all are floats and none is freed. */
export function checkedDevice(op: string, tensors: readonly Tensor[]): Device {
  const device = deviceOf(op, tensors);
  checkFloats(op, tensors);
  for (const t of tensors) t.operand(op);
  return device;
}

const operands = (op: string, tensors: readonly Tensor[]): Operand[] => tensors.map((t) => t.operand(op));

/** Runs a row's forward kernel into outputs and saved values, which it allocates. */
export function forwardRow<Params>(
  op: string,
  row: FusedRow<Params>,
  params: Params,
  inputs: readonly Tensor[],
  shapes: readonly Shape[],
  differentiable: boolean,
): { readonly outputs: readonly Tensor[]; readonly saved: readonly Tensor[] } {
  const device = checkedDevice(op, inputs);
  const outputs = shapes.map((shape) => device.empty(shape));
  const inputShapes = inputs.map((t) => t.shape);
  const saved = differentiable ? (row.saved?.(params, inputShapes) ?? []).map((shape) => device.empty(shape)) : [];
  const done = observer?.operation(op, inputs, outputs);
  row.forward(params, operands(op, inputs), operands(op, outputs), operands(op, saved));
  done?.();
  return { outputs, saved };
}

/** Runs a row's backward kernel; undefined for the gradients that it does not write. */
export function backwardRow<Params>(
  op: string,
  row: FusedRow<Params>,
  params: Params,
  tensors: { readonly [K in keyof Omit<FusedOperands, 'g'>]: readonly Tensor[] } & { readonly g: Tensor },
  needs: readonly boolean[],
): readonly (Tensor | undefined)[] {
  // A gradient of the output itself asks for none of the inputs'.
  if (!needs.some(Boolean)) return [];
  const { inputs, outputs, saved, g } = tensors;
  checkedDevice(op, [...inputs, ...outputs, ...saved, g]);
  const writes = row.writes?.(needs) ?? needs;
  const gradients = inputs.map((x, i) => (writes[i] ? x.device.empty(x.shape) : undefined));
  const done = observer?.operation(
    op,
    [...inputs, ...outputs, g],
    gradients.filter((t) => t !== undefined),
  );
  row.backward!(
    params,
    { inputs: operands(op, inputs), outputs: operands(op, outputs), saved: operands(op, saved), g: g.operand(op) },
    gradients.map((t) => t?.operand(op)),
  );
  done?.();
  return gradients;
}

/** An operation that changes tensors in place: by the row of its name, where the device has one, else by its composite. */
export function inPlaceByRow<F extends FusedName>(
  name: F,
  op: string,
  composite: (params: FusedParams[F], inputs: readonly Tensor[], targets: readonly Tensor[]) => void,
): (params: FusedParams[F], inputs: readonly Tensor[], targets: readonly Tensor[]) => void {
  const admission = new Admission<FusedParams[F]>((tensors, params, inputCount) => {
    composite(params, tensors.slice(0, inputCount), tensors.slice(inputCount));
    return [];
  });
  return (params, inputs, targets) => {
    const device = checkInPlace(op, inputs, targets);
    if (alreadyDone(op, targets)) return undefined;
    const row: FusedRow<FusedParams[F]> | undefined = rowOf(device, name);
    if (!row) {
      const run = (): void => composite(params, inputs, targets);
      return recorder ? recorder.composite(name, params, inputs, run, targets) : run();
    }
    admission.outputs(device, [...inputs, ...targets], params, inputs.length);
    for (const t of targets) ownMemory(t);
    const done = observer?.operation(op, [...inputs, ...targets], targets);
    row.forward(params, operands(op, inputs), operands(op, targets), []);
    done?.();
    device.noteWrites(targets);
    return undefined;
  };
}

/** What is known of operands before any number is. */
interface Signature {
  readonly shapes: readonly Shape[];
  readonly dtypes: readonly string[];
  readonly params: unknown;
  readonly part: number;
  readonly outputs: readonly Shape[];
}

/** Signatures that are kept a device. */
const KEPT_SIGNATURES = 32;

/** Which operands a composite takes, found by running it on their shapes and dtypes, and the shapes of its outputs. */
export class Admission<Params> {
  readonly #composite: (inputs: readonly Tensor[], params: Params, part: number) => readonly Tensor[];
  readonly #known = new WeakMap<Device, Signature[]>();

  constructor(composite: (inputs: readonly Tensor[], params: Params, part: number) => readonly Tensor[]) {
    this.#composite = composite;
  }

  /** The shapes of the outputs, or the error that the composite throws. `part` tells apart calls that read their operands differently. */
  outputs(device: Device, inputs: readonly Tensor[], params: Params, part = 0): readonly Shape[] {
    const known = this.#known.get(device) ?? [];
    const at = known.findIndex((s) => s.part === part && fits(s, inputs, params));
    if (at >= 0) {
      const found = known[at]!;
      if (at > 0) {
        known.splice(at, 1);
        known.unshift(found);
      }
      return found.outputs;
    }
    const outputs = withComposites<readonly Shape[]>(() =>
      device.dryRun(() => scope<readonly Shape[]>(() => this.#composite(inputs, params, part).map((t) => t.shape))),
    );
    const kept = snapshot(params);
    if (kept) {
      known.unshift({ shapes: inputs.map((t) => t.shape), dtypes: inputs.map((t) => t.dtype), params: kept.value, part, outputs });
      if (known.length > KEPT_SIGNATURES) known.pop();
      this.#known.set(device, known);
    }
    return outputs;
  }
}

function fits(s: Signature, inputs: readonly Tensor[], params: unknown): boolean {
  if (s.shapes.length !== inputs.length) return false;
  for (let i = 0; i < inputs.length; i++) {
    if (s.dtypes[i] !== inputs[i]!.dtype || !sameShape(s.shapes[i]!, inputs[i]!.shape)) return false;
  }
  return equalPlain(s.params, params);
}

function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null || Array.isArray(value);
}

/** A copy of plain data, or undefined if there is anything else in it, which may change without a sign. */
function snapshot(value: unknown): { readonly value: unknown } | undefined {
  if (typeof value === 'function' || typeof value === 'symbol') return undefined;
  if (typeof value !== 'object' || value === null) return { value };
  if (!isPlain(value)) return undefined;
  const entries: [string, unknown][] = [];
  for (const [name, inner] of Object.entries(value)) {
    const kept = snapshot(inner);
    if (!kept) return undefined;
    entries.push([name, kept.value]);
  }
  return { value: Array.isArray(value) ? entries.map(([, inner]) => inner) : Object.fromEntries(entries) };
}

function equalPlain(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (!isPlain(a) || !isPlain(b)) return false;
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => name in b && equalPlain(a[name], b[name]));
}

/** Refuses a kernel's output that has not its composite's shape. */
export function checkOutputs(op: string, outputs: readonly Tensor[], expected: readonly Shape[]): void {
  for (const [i, shape] of expected.entries()) {
    const found = outputs[i];
    if (!found || !sameShape(found.shape, shape)) {
      throw new ShapeError(
        `${op}: the kernel's output ${i} is ${found ? showShape(found.shape) : 'missing'}; its composite's is ${showShape(shape)}`,
      );
    }
  }
}
