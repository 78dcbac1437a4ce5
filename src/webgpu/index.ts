/**
 * @file `reparam/webgpu`: everything whose types are WebGPU's own, which TypeScript 6 and later has in its DOM library and the package
 * @webgpu/types declares for others. `webgpu()` itself stands in `reparam` too, without them.
 */
export { gpuDeviceOf, type GpuRange, gpuRangeOf, webgpuFrom } from '../devices/gpu-device.ts';
export { webgpu, type WebGpuOptions } from '../devices/webgpu.ts';
export type { KernelChoices } from '../backends/webgpu/kernel.ts';
