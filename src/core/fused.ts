/**
 * @file Fused operations: a composite of primitives is the specification, kernels are only a faster way to compute it.
 *
 * The composite gives the float64 path, every order of derivative and the test oracle. A kernel gives the forward value and
 * the first-order gradient on the backend that it is written for. Nothing else defines a gradient a second time.
 */
import { grad } from './autograd.ts';
import { deviceOf } from './primitive.ts';
import { OptionError } from '../contract/errors.ts';
import { enableGrad, isGradEnabled, noGrad } from './grad-mode.ts';
import { addNode } from './tensor.ts';
import { alias, detach } from './ops.ts';
import { scope } from './scope.ts';
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

/** A kernel for a fused operation on one backend. Its functions run without recording. */
// eslint-disable-next-line typescript/no-explicit-any -- a table of kernels holds operations of every parameter type
export interface FusedKernel<Params = any> {
  /**
   * The output, or undefined where these shapes or parameters are not covered: then the composite runs. `recorded` is false where no
   * gradient can be asked for, so that nothing need be saved.
   */
  forward(inputs: readonly Tensor[], params: Params, recorded: boolean): FusedForward | undefined;
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

let compositesOnly = 0;

/** Runs `body` with every fused operation computed by its composite: the other side of `kernel == composite`. */
export function withComposites<T>(body: () => T): T {
  compositesOnly++;
  try {
    return body();
  } finally {
    compositesOnly--;
  }
}

/**
 * Defines an operation by its composite, with kernels for the backends that have one: those given here, else those that the
 * backend has under this name.
 */
export function fused<const Inputs extends readonly Tensor[], Params, Out extends FusedOutput>(
  name: string,
  composite: (inputs: Inputs, params: Params) => Out,
  kernels: FusedOptions<Params> = {},
): Fused<Inputs, Params, Out> {
  const call = (inputs: Inputs, params: Params): Out => {
    const device = deviceOf(name, inputs);
    const kernel = compositesOnly > 0 ? undefined : (kernels[device.kind] ?? device.backend.fusedKernels.get(name));
    const recorded = isGradEnabled();
    const forward = kernel && noGrad(() => kernel.forward(inputs, params, recorded));
    if (!kernel || !forward) return withDetachedExtras(composite(inputs, params));
    const output = first(forward.output);
    if (recorded) {
      addNode(name, inputs, output, (g, needs) =>
        isGradEnabled() || !kernel.backward
          ? compositeVjp(composite, inputs, params, g, needs)
          : kernel.backward({ inputs, output, saved: forward.saved ?? [], params, needs }, g),
      );
    }
    return forward.output as Out;
  };
  const operation = Object.assign(call, { operation: name, composite });
  if (fusedOperations.has(name)) throw new OptionError(`fused: an operation named ${name} exists already; choose another name`);
  fusedOperations.set(name, operation as unknown as Fused<readonly Tensor[], unknown, FusedOutput>);
  return operation;
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
    const found = grad(y, wanted, { cotangent: g, createGraph: differentiateAgain, unused: 'zeros' });
    return leaves.map((_, i) => (needs[i] ? found.shift() : undefined));
  };
  return differentiateAgain ? body() : scope(() => enableGrad(body));
}

function first(output: FusedOutput): Tensor {
  return Array.isArray(output) ? (output as readonly [Tensor, ...Tensor[]])[0] : (output as Tensor);
}

function withDetachedExtras<Out extends FusedOutput>(output: Out): Out {
  if (!Array.isArray(output)) return output;
  const [y, ...extras] = output as unknown as readonly [Tensor, ...Tensor[]];
  return [y, ...extras.map((t) => detach(t))] as unknown as Out;
}
