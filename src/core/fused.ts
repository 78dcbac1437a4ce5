/**
 * @file Fused operations: a composite of primitives is the specification, kernels are only a faster way to compute it.
 *
 * The composite gives the float64 path, every order of derivative and the test oracle. A kernel gives the forward value and
 * the first-order gradient on the backend that it is written for. Nothing else defines a gradient a second time.
 */
import { gradients } from './autograd.ts';
import type { FusedName, FusedParams, FusedRow } from '../contract/backend.ts';
import { OptionError } from '../contract/errors.ts';
import type { Shape } from '../contract/shape.ts';
import { Admission, backwardRow, checkedDevice, checkOutputs, compositesChosen, forwardRow, rowOf } from './fused-rows.ts';
import { deviceOf } from './primitive.ts';
import { enableGrad, isGradEnabled, withGradMode } from './grad-mode.ts';
import { addNode } from './tensor.ts';
import { alias, detach } from './ops.ts';
import { recorder } from './recorder.ts';
import { scope } from './scope.ts';
import { shared, withoutSharing } from './share-equal.ts';
import { synchronous } from './synchronous.ts';
import type { Tensor } from './tensor.ts';

/** One output, or several of which only the first is differentiable (batch norm also returns its statistics). */
export type FusedOutput = Tensor | readonly [Tensor, ...Tensor[]];

export interface FusedForward {
  readonly output: FusedOutput;
  /** Tensors that the backward kernel wants again; freed with the scope they were made in. */
  readonly saved?: readonly Tensor[];
}

export interface FusedContext<Params> {
  readonly inputs: readonly Tensor[];
  /** The differentiable output. */
  readonly output: Tensor;
  readonly saved: readonly Tensor[];
  readonly params: Params;
  /** Which inputs need a gradient. */
  readonly needs: readonly boolean[];
}

/** A kernel for a fused operation on one device, over tensors. Its functions run under `noGrad`. */
// eslint-disable-next-line typescript/no-explicit-any -- a table of kernels holds operations of every parameter type
export interface FusedKernel<Params = any> {
  /**
   * The output, or undefined where these shapes or parameters are not covered: then the composite runs. `differentiable` is false where
   * no gradient can be asked for, so that nothing need be saved.
   */
  forward(inputs: readonly Tensor[], params: Params, differentiable: boolean): FusedForward | undefined;
  /** Gradients of the inputs from the cotangent of the output. Without it the composite is differentiated. */
  backward?(context: FusedContext<Params>, g: Tensor): readonly (Tensor | undefined)[];
}

export interface FusedOptions<Params> {
  readonly webgpu?: FusedKernel<Params>;
  readonly cpu?: FusedKernel<Params>;
}

export type Fused<Inputs extends readonly Tensor[], Params, Out extends FusedOutput> = ((inputs: Inputs, params: Params) => Out) & {
  readonly operation: string;
  /** The specification: what the kernels compute, in primitives. */
  readonly composite: (inputs: Inputs, params: Params) => Out;
};

/** Every fused operation by name, for checks by registry. */
export const fusedOperations: Map<string, Fused<readonly Tensor[], unknown, FusedOutput>> = new Map();

/**
 * Defines an operation by its composite, with kernels for the devices that have one. A kernel is run on operands that the composite takes
 * and on no others: what the composite refuses (shapes, dtypes, freed tensors), it refuses with the same error on every device.
 */
export function fused<const Inputs extends readonly Tensor[], Params, Out extends FusedOutput>(
  name: string,
  composite: (inputs: Inputs, params: Params) => Out,
  kernels: FusedOptions<Params> = {},
): Fused<Inputs, Params, Out> {
  return define(name, composite, 'not shared', (inputs) => kernels[deviceOf(name, inputs).kind]);
}

/**
 * Defines an operation of the core's own by its composite. A backend that has a row of this name computes it by that row. All inputs are
 * floats, whoever computes.
 */
export function fusedByRow<F extends FusedName, const Inputs extends readonly Tensor[], Out extends FusedOutput>(
  name: F,
  composite: (inputs: Inputs, params: FusedParams[F]) => Out,
): Fused<Inputs, FusedParams[F], Out> {
  return define(name, composite, 'shared', (inputs) => {
    // What is no float or freed is refused under this name, whoever computes.
    const device = checkedDevice(name, inputs);
    const row: FusedRow<FusedParams[F]> | undefined = rowOf(device, name);
    return row && kernelOf(name, row);
  });
}

/** A kernel that also hears which shapes its outputs have. */
interface AdmittedKernel<Params> extends FusedKernel<Params> {
  forward(inputs: readonly Tensor[], params: Params, differentiable: boolean, shapes?: readonly Shape[]): FusedForward | undefined;
}

function define<const Inputs extends readonly Tensor[], Params, Out extends FusedOutput>(
  name: string,
  composite: (inputs: Inputs, params: Params) => Out,
  equalOnes: 'shared' | 'not shared',
  kernelFor: (inputs: Inputs) => AdmittedKernel<Params> | undefined,
): Fused<Inputs, Params, Out> {
  const admission = new Admission<Params>((inputs, params) => listed(composite(inputs as unknown as Inputs, params)));
  const compute = (inputs: Inputs, params: Params): Out => {
    const found = kernelFor(inputs);
    const kernel = compositesChosen() ? undefined : found;
    if (!kernel) {
      const run = (): Out => synchronous(name, 'the composite', composite(inputs, params));
      return withDetachedExtras(recorder ? recorder.composite(name, params, inputs, run) : run());
    }
    const differentiable = isGradEnabled();
    const shapes = admission.outputs(deviceOf(name, inputs), inputs, params);
    const forward = withGradMode(name, false, () => kernel.forward(inputs, params, differentiable, shapes));
    if (!forward) return withDetachedExtras(composite(inputs, params));
    checkOutputs(name, listed(forward.output), shapes);
    const output = first(forward.output);
    if (inputs.includes(output)) throw new OptionError(`${name}: the kernel returned one of its inputs; return detach(x)`);
    if (differentiable) {
      addNode(name, inputs, output, (g, needs) =>
        isGradEnabled() || !kernel.backward
          ? compositeVjp(composite, inputs, params, g, needs)
          : synchronous(name, 'backward', kernel.backward({ inputs, output, saved: forward.saved ?? [], params, needs }, g)),
      );
    }
    return forward.output as Out;
  };
  const call = (inputs: Inputs, params: Params): Out => {
    if (equalOnes === 'not shared') return compute(inputs, params);
    const results = shared(name, params, inputs, () => listed(compute(inputs, params)));
    return (results.length === 1 ? results[0] : results) as Out;
  };
  const operation = Object.assign(call, { operation: name, composite });
  if (fusedOperations.has(name)) throw new OptionError(`fused: an operation named ${name} exists already; choose another name`);
  fusedOperations.set(name, operation as unknown as Fused<readonly Tensor[], unknown, FusedOutput>);
  return operation;
}

/** A backend's row as a kernel over tensors. */
function kernelOf<Params>(name: string, row: FusedRow<Params>): AdmittedKernel<Params> {
  return {
    forward(inputs, params, differentiable, shapes = []) {
      const inputShapes = inputs.map((t) => t.shape);
      if (inputs.some((t) => t.size === 0) || row.covers?.(params, inputShapes) === false) return undefined;
      const { outputs, saved } = forwardRow(name, row, params, inputs, shapes, differentiable);
      const [output, ...extras] = outputs as [Tensor, ...Tensor[]];
      return { output: extras.length > 0 ? [output, ...extras] : output, saved: [...extras, ...saved] };
    },
    ...(row.backward && {
      backward({ inputs, output, saved, params, needs }, g) {
        const inputShapes = inputs.map((t) => t.shape);
        const extras = saved.length - (row.saved?.(params, inputShapes) ?? []).length;
        const outputs = [output, ...saved.slice(0, extras)];
        return backwardRow(name, row, params, { inputs, outputs, saved: saved.slice(extras), g }, needs);
      },
    }),
  };
}

/** The VJP of a composite, for partial derivatives: inputs that depend on one another count as independent. */
function compositeVjp<Inputs extends readonly Tensor[], Params>(
  composite: (inputs: Inputs, params: Params) => FusedOutput,
  inputs: Inputs,
  params: Params,
  g: Tensor,
  needs: readonly boolean[],
): (Tensor | undefined)[] {
  const differentiateAgain = isGradEnabled();
  const body = (): (Tensor | undefined)[] => {
    const leaves = inputs.map((x) => alias(x)) as unknown as Inputs;
    const y = first(composite(leaves, params));
    const wanted = leaves.filter((_, i) => needs[i]);
    // What the composite does not depend on gets none, so that `grad` says the same of it as where the composite itself is recorded.
    const found = gradients(y, wanted, { cotangent: g, createGraph: differentiateAgain }, () => undefined);
    return leaves.map((_, i) => (needs[i] ? found.shift() : undefined));
  };
  return differentiateAgain ? body() : withoutSharing(() => scope(() => enableGrad(body)));
}

function listed(output: FusedOutput): readonly Tensor[] {
  return Array.isArray(output) ? (output as readonly Tensor[]) : [output as Tensor];
}

function first(output: FusedOutput): Tensor {
  return listed(output)[0]!;
}

function withDetachedExtras<Out extends FusedOutput>(output: Out): Out {
  if (!Array.isArray(output)) return output;
  const [y, ...extras] = output as unknown as readonly [Tensor, ...Tensor[]];
  return [y, ...extras.map((t) => detach(t))] as unknown as Out;
}
