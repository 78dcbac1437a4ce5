/** @file WebGPU's numeric flags, written out so that nothing depends on globals that only a browser defines. */

/** `GPUBufferUsage`, section 5.2 of the WebGPU specification. */
export const BufferUsage = {
  mapRead: 0x0001,
  copySource: 0x0004,
  copyTarget: 0x0008,
  uniform: 0x0040,
  storage: 0x0080,
} as const;

/** `GPUMapMode.READ`. */
export const MAP_READ = 0x0001;

/** `GPUShaderStage.COMPUTE`. */
export const COMPUTE_STAGE = 0x4;
