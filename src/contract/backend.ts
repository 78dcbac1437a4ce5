/**
 * @file The contract between tensors and a backend: buffers, a closed set of primitives, and launches of extra kernels.
 *
 * A backend knows no differentiation. All buffers are dense and row-major; layout operations copy. Broadcasting of
 * elementwise operands is the kernel's business (operands carry their shapes), so nothing is expanded in memory.
 */
import type { Shape } from './shape.ts';

export type FloatType = 'float32' | 'float64';
/** A device computes in one float type; `uint32` holds random bits and keys. Indices and labels are floats (exact to 2^24). */
export type DType = FloatType | 'uint32';
export type TypedArray = Float32Array<ArrayBuffer> | Float64Array<ArrayBuffer> | Uint32Array<ArrayBuffer>;

/** A piece of a backend's memory; only the backend that made it looks inside. */
export interface BufferHandle {
  readonly byteLength: number;
}

/** One operand of a kernel: where its elements are and how they are shaped. */
export interface Operand {
  readonly handle: BufferHandle;
  readonly shape: Shape;
  readonly dtype: DType;
}

/** Geometry of a two-dimensional window: pairs are [height, width]; padding is [[top, bottom], [left, right]]. */
export interface WindowGeometry {
  readonly stride: readonly [number, number];
  readonly padding: readonly [readonly [number, number], readonly [number, number]];
  readonly dilation: readonly [number, number];
}

export interface ConvGeometry extends WindowGeometry {
  readonly groups: number;
}

export interface PoolGeometry extends WindowGeometry {
  readonly kernel: readonly [number, number];
}

type None = Readonly<Record<never, never>>;

/** The unary elementwise operations: y has the shape of x. `step` is 1 where x > 0, else 0. */
export const unaryOperations = [
  'neg',
  'exp',
  'log',
  'sqrt',
  'reciprocal',
  'relu',
  'step',
  'tanh',
  'erf',
  'sigmoid',
  'softplus',
] as const;
export type UnaryOperation = (typeof unaryOperations)[number];

/** The binary elementwise operations: operands broadcast to the output's shape. `greater` is 1 where a > b and `equal` where a = b, else 0. */
export const binaryOperations = ['add', 'sub', 'mul', 'div', 'maximum', 'equal', 'greater'] as const;
export type BinaryOperation = (typeof binaryOperations)[number];

/** A row for each operation of a list. */
export function byOperation<Name extends string, Row>(
  names: readonly Name[],
  rowOf: (name: Name) => Row,
): Readonly<Record<Name, Row>> {
  return Object.fromEntries(names.map((name) => [name, rowOf(name)])) as Record<Name, Row>;
}

/** The parameters of every primitive. What depends on a step's data is an operand, never a parameter. */
export interface PrimitiveParams extends Readonly<Record<UnaryOperation | BinaryOperation, None>> {
  /** [condition, a, b]: a where condition is not 0, else b; broadcast. */
  where: None;
  // layout
  /** Output axis i is input axis `axes[i]`. */
  permute: { readonly axes: readonly number[] };
  /** Repeats along axes of size 1 and new leading axes. */
  broadcastTo: None;
  /** Output index i reads input index start + i * step, axis by axis (step may be negative). */
  slice: { readonly start: readonly number[]; readonly step: readonly number[] };
  /** Zeros; input index i goes to output index low + i * step, axis by axis (the adjoint of slice: step may be negative). */
  pad: { readonly low: readonly number[]; readonly step: readonly number[] };
  /** Any number of inputs, joined along the axis. */
  concat: { readonly axis: number };
  // reductions to the output's shape, which has the input's rank and a 1 on each reduced axis
  sumTo: None;
  maxTo: None;
  /** [m, k] x [k, n] or [b, m, k] x [b, k, n], each operand's last two axes swapped first where its flag says so. */
  matmul: { readonly transposeA: boolean; readonly transposeB: boolean };
  // the three partials of T(x, w, g) = sum g * conv(x, w); x [n, c, h, w], w [o, c / groups, kh, kw], g [n, o, oh, ow]
  /** [x, w] -> g's shape. */
  conv2d: ConvGeometry;
  /** [g, w] -> x's shape. */
  conv2dInput: ConvGeometry;
  /** [x, g] -> w's shape. */
  conv2dFilter: ConvGeometry;
  /** [x, index]: x [r, n], index [r, m] -> y [r, m], y[r, j] = x[r, index[r, j]]. */
  take: None;
  /** [g, index]: g [r, m], index [r, m] -> x [r, n], x[r, i] = sum of g[r, j] over index[r, j] = i: the adjoint of take. */
  put: None;
  /** x [n, c, h, w] -> [n, c, oh, ow]: flat index (iy * w + ix) of each window's first maximum; padding is never chosen. */
  maxPoolIndices: PoolGeometry;
  /** [key], key uint32 [2] -> uint32: element i is y0 ^ y1 of Threefry-2x32-20(key, counter = [0, i]). */
  randomBits: None;
  /** uint32 -> float: ((bits >> 9) + 0.5) * 2^-23, in the open interval (0, 1), exact in float32. */
  bitsToUniform: None;
  // in place: outputs are the tensors that change
  /** [x] -> [target], target := x. */
  assign: None;
  /** [gradient, hyper], hyper [4] = learning rate, momentum, weight decay, gradient scale -> [parameter, velocity]. */
  sgd: { readonly nesterov: boolean };
  /** [gradient, hyper], hyper [8] = lr, 1 - beta1, 1 - beta2, eps, weight decay, 1 - beta1^t, 1 - beta2^t, gradient scale -> [parameter, m, v]. */
  adam: None;
}

export type Primitive = keyof PrimitiveParams;

/** How many inputs a primitive takes, where it is not one. */
interface InputCounts extends Readonly<Record<BinaryOperation, 2>> {
  where: 3;
  concat: 'any';
  matmul: 2;
  conv2d: 2;
  conv2dInput: 2;
  conv2dFilter: 2;
  take: 2;
  put: 2;
  sgd: 2;
  adam: 2;
}

/** How many outputs it has, where it is not one. */
interface OutputCounts {
  sgd: 2;
  adam: 3;
}

interface Lists<Item> {
  1: readonly [Item];
  2: readonly [Item, Item];
  3: readonly [Item, Item, Item];
  any: readonly Item[];
}

/** The inputs of a primitive, in order. */
export type PrimitiveInputs<P extends Primitive, Item> = Lists<Item>[P extends keyof InputCounts ? InputCounts[P] : 1];
/** Its outputs. */
export type PrimitiveOutputs<P extends Primitive, Item> = Lists<Item>[P extends keyof OutputCounts ? OutputCounts[P] : 1];

/** Parameters of batch normalisation. */
export interface BatchNormParams {
  readonly eps: number;
}

/** How a batch's statistics enter the running ones: `count` values a channel make the variance unbiased. */
export interface RunningUpdate {
  readonly momentum: number;
  readonly count: number;
}

/**
 * Optional rows of a backend's table: operations whose composite of primitives the core knows. Where a backend has no row, or the row
 * does not cover the operands, the core runs the composite.
 */
export interface FusedParams {
  // over the last axis: [x] -> [y]
  softmax: None;
  logSoftmax: None;
  /** [logits [n, k], labels [n]] -> [loss [n]]. */
  crossEntropy: None;
  /** [x [n, c, h, w]] -> [y, statistics [2, c]]. */
  batchNorm2d: BatchNormParams;
  /** [x, weight [c], bias [c]] -> [y, statistics [2, c]]. */
  batchNormAffine2d: BatchNormParams;
  // [x [n, c, h, w]] -> [y [n, c, oh, ow]]
  maxPool2d: PoolGeometry;
  avgPool2d: PoolGeometry;
  /** [z [k], x_0, ..., x_(k-1)] -> [sum_k z_k x_k]. */
  mixedSum: None;
  /** At most `atMost` tensors of one shape -> their sum, added from the left. */
  addAll: None;
  // in place: outputs are the tensors that change
  /** [hyper, gradient, ...] -> [parameter, velocity, ...] of at most `atMost` parameters; hyper as for `sgd`. */
  sgdMany: { readonly nesterov: boolean };
  /** [batch [2, c]] -> [running [2, c]]. */
  batchNormRunning: RunningUpdate;
}

export type FusedName = keyof FusedParams;

/** What the backward kernel of a row is given. */
export interface FusedOperands {
  readonly inputs: readonly Operand[];
  /** All outputs of the forward kernel. */
  readonly outputs: readonly Operand[];
  readonly saved: readonly Operand[];
  /** The cotangent of the first output. */
  readonly g: Operand;
}

/** One row: kernels over operands. Whoever calls them has checked and allocated every operand, and none of the inputs is empty. */
export interface FusedRow<Params> {
  /** Whether the kernels take inputs of these shapes. Default: any. */
  covers?(params: Params, inputs: readonly Shape[]): boolean;
  /** Shapes of what the forward kernel keeps for the backward kernel. Default: none. */
  saved?(params: Params, inputs: readonly Shape[]): readonly Shape[];
  /** `saved` is empty where no gradient can be asked for. */
  forward(params: Params, inputs: readonly Operand[], outputs: readonly Operand[], saved: readonly Operand[]): void;
  /** The gradients that the backward kernel writes where these are needed. Default: those. */
  writes?(needs: readonly boolean[]): readonly boolean[];
  /** Writes the gradients of the inputs; undefined for those that it does not write. Without it the composite is differentiated. */
  backward?(params: Params, operands: FusedOperands, gradients: readonly (Operand | undefined)[]): void;
}

/** Operations on lists: their rows say how many tensors (addAll) or parameters (sgdMany) one launch takes at most. */
type OnLists = 'addAll' | 'sgdMany';

/** The rows of a backend. A name that is not in `FusedParams` does not compile. */
export type FusedTable = {
  readonly [F in FusedName]?: FusedRow<FusedParams[F]> & (F extends OnLists ? { readonly atMost: number } : unknown);
};

/** Times what is handed to a device between `begin` and `end`, on the device's own clock. */
export interface DeviceTimer {
  begin(): void;
  end(): void;
  /** Nanoseconds between the two, when the device has got there. Not above 0 where its clock did not advance. */
  elapsed(): Promise<number>;
  dispose(): void;
}

/**
 * A kernel that is not a primitive, launched by a fused operation. Inputs and outputs are bound in order.
 *
 * For WebGPU: bind group 0 holds, in order, a uniform buffer (binding 0, present iff `uniforms` is given), the inputs as
 * `storage, read`, the outputs as `storage, read_write`. Words of `uniforms` are written as they are (use `f32Bits`).
 */
export interface WgslKernel {
  readonly kind: 'wgsl';
  /** Names the pipeline: the same name must always come with the same code. */
  readonly name: string;
  readonly code: string;
  readonly entryPoint?: string;
  /** Values of `override` constants. */
  readonly constants?: Readonly<Record<string, number>>;
  readonly uniforms?: readonly number[];
  readonly workgroups: readonly [number, number, number];
}

/** The same for the CPU backend: a function over flat arrays of the device's float type. */
export interface CpuFunction {
  readonly kind: 'cpu';
  readonly name: string;
  readonly run: (inputs: readonly TypedArray[], outputs: readonly TypedArray[]) => void;
}

export type Kernel = WgslKernel | CpuFunction;

/** The bits of a float32, as a uniform word. */
export function f32Bits(value: number): number {
  return new Uint32Array(new Float32Array([value]).buffer)[0]!;
}

export interface BackendMemory {
  /** Buffers that hold a live tensor. */
  readonly buffers: number;
  /** Bytes of those. */
  readonly bytes: number;
  /** Buffers kept for reuse, and their bytes. */
  readonly pooledBuffers: number;
  readonly pooledBytes: number;
}

/** A whole buffer copied into another of the same length. */
export type BufferCopy = readonly [from: BufferHandle, to: BufferHandle];

/** What was asked of a backend while it captured, ready to be done any number of times. */
export interface Program {
  /** Kernels that one run launches. */
  readonly launches: number;
  /** Bytes of the memory that its intermediates share, and what they would take if each had its own. */
  readonly bytes: number;
  readonly unsharedBytes: number;
  /** Compiles all kernels that are not compiled yet, in parallel where the backend can; `onProgress` is called after each. */
  prepare(onProgress?: (compiled: number, of: number) => void): Promise<void>;
  /** Does the work once, between two lists of copies. */
  run(before: readonly BufferCopy[], after: readonly BufferCopy[]): void;
  /** Gives up its memory and its hold on the buffers that it uses. */
  dispose(): void;
}

/** What a backend must do. Execution may be asynchronous; `read` is the only place that waits for results. */
export interface Backend {
  readonly kind: 'cpu' | 'webgpu';
  readonly dtype: FloatType;
  /** Adapter or processor, for people. */
  readonly name: string;
  /** Kernels that stand in for composites. */
  readonly fused: FusedTable;
  /** Uninitialised memory for `length` elements. */
  alloc(length: number, dtype: DType): BufferHandle;
  free(handle: BufferHandle): void;
  /** Part of a buffer as a buffer of its own over the same memory; `offset` (elements) is a multiple of 64. */
  view(handle: BufferHandle, offset: number, length: number, dtype: DType): BufferHandle;
  write(handle: BufferHandle, data: TypedArray): void;
  read(handle: BufferHandle, length: number, dtype: DType): Promise<TypedArray>;
  run<P extends Primitive>(op: P, params: PrimitiveParams[P], inputs: readonly Operand[], outputs: readonly Operand[]): void;
  launch(kernel: Kernel, inputs: readonly Operand[], outputs: readonly Operand[]): void;
  /** Hands queued work to the device without waiting. */
  flush(): void;
  /** The device's own clock, where it has one. */
  timer(): DeviceTimer | undefined;
  /** Resolves when all work handed in so far is done; rejects with what went wrong since the last call. */
  finish(): Promise<void>;
  memory(): BackendMemory;
  /** Whether work is noted now and not done. */
  readonly capturing: boolean;
  /**
   * Notes what `body` asks for and does none of it: memory that it allocates has no content until the program runs. What
   * outlives `body` gets memory of its own, everything else shares. A CaptureError, and nothing noted, if `body` writes or reads.
   */
  capture(body: () => void): Program;
  /** Does what `body` asks for at once, while capturing too: for constants. */
  outsideCapture<T>(body: () => T): T;
  destroy(): void;
}
