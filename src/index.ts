/** @file The public names of the core. */
export { grad, type GradOptions, hvp, type TensorsLike, valueAndGrad, vjp } from './core/autograd.ts';
export {
  type Backend,
  type ConvGeometry,
  type CpuFunction,
  type DType,
  f32Bits,
  type FloatType,
  type Kernel,
  type Operand as KernelOperand,
  type PoolGeometry,
  type Primitive,
  type PrimitiveParams,
  type TypedArray,
  type WgslKernel,
} from './contract/backend.ts';
export { capture, type CapturedInfo, type CapturedStep, type CaptureOptions, type StepResult } from './core/capture.ts';
export { conv2d, conv2dFilter, conv2dInput, type Conv2dOptions } from './core/conv.ts';
export { cpu, type CpuOptions } from './devices/cpu.ts';
export { checkpoint } from './core/checkpoint.ts';
export { customVjp, type VjpContext } from './core/custom-vjp.ts';
export { BackendDevice } from './core/device.ts';
export * from './contract/errors.ts';
export {
  fused,
  type Fused,
  type FusedContext,
  type FusedForward,
  type FusedKernel,
  fusedOperations,
  type FusedOptions,
  type FusedOutput,
} from './core/fused.ts';
export { withComposites } from './core/fused-rows.ts';
export { enableGrad, isGradEnabled, noGrad } from './core/grad-mode.ts';
export { locateNonFinite, type LocateOptions, type ModuleTree, type NonFinite, type Range } from './core/locate.ts';
export { mixedSum } from './core/mixed-sum.ts';
export { batchNorm2d, type BatchNormOptions } from './core/batch-norm.ts';
export * from './core/ops.ts';
export * from './core/composites.ts';
export { type Indices, put, take } from './core/indexing.ts';
export { avgPool2d, globalAvgPool2d, maxPool2d } from './core/pool.ts';
export {
  bits,
  foldIn,
  gumbel,
  gumbels,
  type Key,
  key,
  keyTensor,
  normal,
  normals,
  permutation,
  randomBits,
  split,
  threefry,
  uniform,
  uniforms,
} from './core/random.ts';
export { recordShapes, type RecordedOperation, type RecordedTensor, type Recording } from './core/record-shapes.ts';
export { keep, Scope, scope, tensorsIn } from './core/scope.ts';
export { shareEqual } from './core/share-equal.ts';
export { dims, type Shape } from './contract/shape.ts';
export { crossEntropy, type CrossEntropyOptions, type Labels } from './core/cross-entropy.ts';
export { logSoftmax, softmax } from './core/softmax.ts';
export { type Clock, type Elapsed, Stopwatch } from './core/stopwatch.ts';
export { type Device, type DeviceMemory, type NestedArray, Tensor } from './core/tensor.ts';
export type { StopSignal } from './contract/stop-signal.ts';
export type { Padding, Pair, WindowOptions } from './contract/window.ts';
export { webgpu, type WebGpuOptions } from './devices/webgpu.ts';
