/** @file What a WebGPU kernel sees of its device: launching WGSL, temporary memory, and the traits that it chooses variants by. */
import type { DType, FusedRow, Operand, WgslKernel } from '../../contract/backend.ts';
import type { Shape } from '../../contract/shape.ts';

/** Traits of the adapter and device, read once. */
export interface AdapterTraits {
  /** The `subgroups` feature is enabled: `subgroupBroadcast`, `subgroupAdd`, ... may be used. */
  readonly subgroups: boolean;
  /** Smallest and largest subgroup of the adapter (equal on most). */
  readonly subgroupMinSize: number;
  readonly subgroupMaxSize: number;
  /** A software adapter (llvmpipe, SwiftShader), where barriers and workgroup memory are slow. */
  readonly software: boolean;
  readonly maxInvocations: number;
  readonly maxWorkgroups: number;
  readonly maxStorageBuffers: number;
}

/** Which kernels a device chooses. */
export interface KernelChoices {
  /** Pretend that the adapter lacks subgroups, to run the kernels that do without. Default false. */
  readonly withoutSubgroups?: boolean;
  /** Choose kernels as for hardware on a software adapter too, to run those that it would avoid. Default false. */
  readonly asHardware?: boolean;
  /** Pretend that a kernel may bind no more buffers than this; a page may be given 8. Default: the device's limit. */
  readonly maxStorageBuffers?: number;
}

/** What a WebGPU device is told when it is opened over a GPUDevice. */
export interface GpuDeviceOptions extends KernelChoices {
  /** Bytes of tensors and captured steps that may be in use at once; more is a LimitError before anything is allocated. Default: no limit. */
  readonly memoryLimit?: number;
  /** Check values that only the device sees (labels and indices in tensors, ...): the next read-back names the row. Default false. */
  readonly checked?: boolean;
}

/** The launching side of the WebGPU backend. */
export interface Gpu {
  readonly traits: AdapterTraits;
  /** Pushes one dispatch. Bindings: uniforms (if any), inputs `read`, outputs `read_write`, in this order, in group 0. */
  launch(kernel: WgslKernel, inputs: readonly Operand[], outputs: readonly Operand[]): void;
  /** Memory that lives until the work that asked for it has been handed over. */
  temporary(shape: Shape, dtype?: DType): Operand;
  /** A constant of every element `value`, made once a device and kept. */
  constant(shape: Shape, value: number): Operand;
  /** Does `body`, then frees the temporary memory that it asked for. */
  work(body: () => void): void;
}

/** A primitive on WebGPU: chooses a variant and makes one or more launches. */
export type WebGpuKernel<Params> = (gpu: Gpu, params: Params, inputs: readonly Operand[], outputs: readonly Operand[]) => void;

/** A row of a fused operation on WebGPU, whose kernels may ask for temporary memory. */
export function rowOn<Row extends FusedRow<never>>(gpu: Gpu, row: Row): Row {
  const { forward, backward } = row;
  return {
    ...row,
    forward: (...operands: Parameters<Row['forward']>) => gpu.work(() => forward.apply(row, operands)),
    ...(backward && {
      backward: (...operands: Parameters<NonNullable<Row['backward']>>) => gpu.work(() => backward.apply(row, operands)),
    }),
  };
}
