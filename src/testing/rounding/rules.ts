/**
 * @file How each primitive passes on and adds rounding errors: a first-order running error analysis (Higham, Accuracy and
 * Stability of Numerical Algorithms, section 3.3), in units of float32's u = 2^-24.
 *
 * For y = f(x): bound(y) = sum |df/dx| bound(x) + the sum of the absolute terms that f itself rounds. An operation that only
 * moves or compares numbers adds nothing, so its kernel has to be exact.
 */
import type { Primitive, PrimitiveParams } from '../../contract/backend.ts';
import { cpuKernels } from '../../backends/cpu/kernels/index.ts';
import { type Shape, sizeOf } from '../../contract/shape.ts';
import { elementwise as operations } from '../registry/elementwise.ts';
import { type ElementwiseRounding, FLUSHED } from './elementwise.ts';

/** A number and, in units of u, how far a float32 computation of it may be off. */
export interface Tracked {
  readonly data: Float64Array<ArrayBuffer> | Uint32Array<ArrayBuffer>;
  readonly bound: Float64Array<ArrayBuffer>;
  readonly shape: Shape;
}

/** Computes the outputs and their bounds. Returns the length of its longest sum: 0 where nothing is rounded. */
export type Rule<Params> = (params: Params, inputs: readonly Tracked[], outputs: readonly Tracked[]) => number;

type Elements = readonly Float64Array[];

/** A rule for elementwise operations, one element at a time. */
function elementwise<P extends Primitive>(op: P, bound: ElementwiseRounding): Rule<PrimitiveParams[P]> {
  return (params, inputs, [y]) => {
    cpuKernels[op](params, inputs, [y!]);
    const values = inputs.map((x) => expanded(x.data, x.shape, y!.shape));
    const bounds = inputs.map((x) => expanded(x.bound, x.shape, y!.shape));
    for (let i = 0, n = sizeOf(y!.shape); i < n; i++) y!.bound[i] = bound(column(values, i), column(bounds, i), y!.data[i]!);
    return 1;
  };
}

function column(arrays: Elements, i: number): number[] {
  return arrays.map((a) => a[i]!);
}

function expanded(data: Tracked['data'], shape: Shape, to: Shape): Float64Array {
  const out = new Float64Array(sizeOf(to));
  cpuKernels.broadcastTo({}, [{ data, shape }], [{ data: out, shape: to }]);
  return out;
}

/** A rule for operations that move numbers and round nothing: bounds move as values do. */
function moves<P extends Primitive>(op: P): Rule<PrimitiveParams[P]> {
  return (params, inputs, [y]) => {
    cpuKernels[op](params, inputs, [y!]);
    cpuKernels[op](
      params,
      inputs.map((x) => ({ data: x.bound, shape: x.shape })),
      [{ data: y!.bound, shape: y!.shape }],
    );
    return 0;
  };
}

/** A rule for sums of products of two operands: |a| bound(b) + bound(a) |b| + |a| |b|, summed as the operation sums. */
function bilinear<P extends Primitive>(
  op: P,
  length: (inputs: readonly Shape[], output: Shape, params: PrimitiveParams[P]) => number,
): Rule<PrimitiveParams[P]> {
  return (params, [a, b], [y]) => {
    cpuKernels[op](params, [a!, b!], [y!]);
    const part = new Float64Array(y!.bound.length);
    const [p, q] = [magnitudes(a!), magnitudes(b!)];
    y!.bound.fill(0);
    for (const [left, right] of [
      [p, q],
      [a!.bound, q],
      [p, b!.bound],
    ] as const) {
      cpuKernels[op](
        params,
        [
          { data: left, shape: a!.shape },
          { data: right, shape: b!.shape },
        ],
        [{ data: part, shape: y!.shape }],
      );
      for (let i = 0; i < part.length; i++) y!.bound[i]! += part[i]! + FLUSHED;
    }
    return length([a!.shape, b!.shape], y!.shape, params);
  };
}

function magnitudes(x: Tracked): Float64Array<ArrayBuffer> {
  return Float64Array.from(x.data, Math.abs);
}

/** A rule for plain sums of one operand, the others (an index) being exact. */
function sums<P extends Primitive>(op: P): Rule<PrimitiveParams[P]> {
  return (params, inputs, [y]) => {
    cpuKernels[op](params, inputs, [y!]);
    const [x, ...rest] = inputs;
    const terms = magnitudes(x!).map((v, i) => v + x!.bound[i]!);
    cpuKernels[op](params, [{ data: terms, shape: x!.shape }, ...rest], [{ data: y!.bound, shape: y!.shape }]);
    return x!.data.length / Math.max(1, y!.data.length);
  };
}

/** A rule for results without rounding whose inputs are taken to be exact. */
function exact<P extends Primitive>(op: P): Rule<PrimitiveParams[P]> {
  return (params, inputs, [y]) => {
    cpuKernels[op](params, inputs, [y!]);
    y!.bound.fill(0);
    return 0;
  };
}

/** Rules of the primitives that are not elementwise. */
const others = {
  permute: moves('permute'),
  broadcastTo: moves('broadcastTo'),
  slice: moves('slice'),
  pad: moves('pad'),
  concat: moves('concat'),
  sumTo: sums('sumTo'),
  maxTo: moves('maxTo'),
  matmul: bilinear('matmul', ([a], _y, { transposeA }) => a!.at(transposeA ? -2 : -1)!),
  conv2d: bilinear('conv2d', ([, w]) => sizeOf(w!) / Math.max(1, w![0]!)),
  conv2dInput: bilinear('conv2dInput', ([, w], _y, { groups }) => sizeOf(w!) / Math.max(1, w![1]!) / groups),
  conv2dFilter: bilinear('conv2dFilter', ([, g]) => sizeOf(g!) / Math.max(1, g![1]!)),
  take: (params, [x, index], [y]) => {
    cpuKernels.take(params, [x!, index!], [y!]);
    cpuKernels.take(params, [{ data: x!.bound, shape: x!.shape }, index!], [{ data: y!.bound, shape: y!.shape }]);
    return 0;
  },
  put: sums('put'),
  maxPoolIndices: exact('maxPoolIndices'),
  randomBits: exact('randomBits'),
  bitsToUniform: exact('bitsToUniform'),
  assign: moves('assign'),
  // The terms of each update, added up in absolute value; none is rounded more than five times.
  sgd: (params, [gradient, hyper], [parameter, velocity]) => {
    const [rate, momentum, decay, scale] = Array.from(hyper!.data, Math.abs) as [number, number, number, number];
    const g = gradient!.data.map((v, i) => scale * Math.abs(v) + decay * Math.abs(parameter!.data[i]!)) as Float64Array;
    const v = g.map((terms, i) => momentum * Math.abs(velocity!.data[i]!) + terms);
    const p = v.map((terms, i) => Math.abs(parameter!.data[i]!) + rate * (params.nesterov ? g[i]! + momentum * terms : terms));
    cpuKernels.sgd(params, [gradient!, hyper!], [parameter!, velocity!]);
    velocity!.bound.set(v);
    parameter!.bound.set(p);
    return 5;
  },
  adam: (params, [gradient, hyper], [parameter, first, second]) => {
    const [rate, rest1, rest2, eps, decay, correction1, correction2, scale] = Array.from(hyper!.data) as [
      number,
      number,
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    const g = gradient!.data.map((v, i) => Math.abs(scale * v) + Math.abs(decay * parameter!.data[i]!)) as Float64Array;
    const m = g.map((terms, i) => (1 + rest1) * Math.abs(first!.data[i]!) + rest1 * terms);
    const v = g.map((terms, i) => (1 + rest2) * second!.data[i]! + rest2 * terms * terms);
    const before = Float64Array.from(parameter!.data, Math.abs);
    cpuKernels.adam(params, [gradient!, hyper!], [parameter!, first!, second!]);
    first!.bound.set(m);
    second!.bound.set(v);
    parameter!.bound.set(
      before.map((p, i) => {
        const root = Math.sqrt(second!.data[i]! / correction2);
        const denominator = root + eps;
        const step = rate / correction1 / denominator;
        const rootError = root === 0 ? 0 : v[i]! / correction2 / (2 * root) + root;
        return p + step * (m[i]! + (Math.abs(first!.data[i]!) * rootError) / denominator);
      }),
    );
    return 5;
  },
} satisfies { readonly [P in Primitive]?: Rule<PrimitiveParams[P]> };

type Elementwise = Exclude<Primitive, keyof typeof others>;

/** The registry's row of an elementwise primitive says how it rounds; a test fails if one does not. */
const fromRegistry = Object.fromEntries(
  operations.flatMap(({ primitive, rounding }) => (primitive && rounding ? [[primitive, elementwise(primitive, rounding)]] : [])),
) as { readonly [P in Elementwise]: Rule<PrimitiveParams[P]> };

export const rules: { readonly [P in Primitive]: Rule<PrimitiveParams[P]> } = { ...fromRegistry, ...others };
