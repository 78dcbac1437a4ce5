/** @file `reparam/cpu`: the CPU device alone. With `reparam/webgpu` beside it, a page takes one of them, or loads either when it is asked for. */
export { cpu, type CpuOptions } from '../devices/cpu.ts';
