/** @file The public names of the core. */
export { grad, type GradOptions, hvp, valueAndGrad, vjp } from './autograd.ts';
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
} from './backend.ts';
export { capture, type CapturedInfo, type CapturedStep, type CaptureOptions, type StepResult } from './capture.ts';
export { conv2d, conv2dFilter, conv2dInput, type Conv2dOptions } from './conv.ts';
export { cpu, type CpuOptions } from './cpu/backend.ts';
export { customVjp, type VjpContext } from './custom.ts';
export { Device, type DeviceMemory, type NestedArray } from './device.ts';
export * from './errors.ts';
export {
  fused,
  type Fused,
  type FusedContext,
  type FusedForward,
  type FusedKernel,
  fusedOperations,
  type FusedOptions,
  type FusedOutput,
  withComposites,
} from './fused.ts';
export { isRecording, noGrad } from './graph.ts';
export { mixedSum } from './mixed.ts';
export { batchNorm2d, type BatchNormOptions } from './norm.ts';
export * from './ops.ts';
export * from './composites.ts';
export { avgPool2d, globalAvgPool2d, maxPool2d } from './pool.ts';
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
} from './random.ts';
export { keep, Scope, scope, tensorsIn } from './scope.ts';
export { dims, type Shape } from './shape.ts';
export { crossEntropy, type CrossEntropyOptions, logSoftmax, softmax } from './softmax.ts';
export { type Clock, type Elapsed, Stopwatch } from './stopwatch.ts';
export { Tensor } from './tensor.ts';
export type { Padding, Pair, WindowOptions } from './window.ts';
export { webgpu, type WebGpuOptions } from './webgpu/device.ts';
