/** @file What a WebGPU kernel sees of its device: launching WGSL, temporary memory, and the facts that it chooses variants by. */
import type { DType, Operand, WgslKernel } from '../../contract/backend.ts';
import type { Shape } from '../../contract/shape.ts';

/** Facts of the adapter and device, read once. */
export interface GpuFacts {
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

/** The launching side of the WebGPU backend. */
export interface Gpu {
  readonly facts: GpuFacts;
  /** Records one dispatch. Bindings: uniforms (if any), inputs `read`, outputs `read_write`, in this order, in group 0. */
  launch(kernel: WgslKernel, inputs: readonly Operand[], outputs: readonly Operand[]): void;
  /** Memory that lives until the primitive that asked for it has been recorded. */
  temporary(shape: Shape, dtype?: DType): Operand;
}

/** A primitive on WebGPU: chooses a variant and records one or more launches. */
export type WebGpuKernel<Params> = (gpu: Gpu, params: Params, inputs: readonly Operand[], outputs: readonly Operand[]) => void;
