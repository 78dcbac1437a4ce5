/** @file Compute pipelines and bind-group layouts, each made once. */
import type { WgslKernel } from '../backend.ts';
import type { Faults } from './faults.ts';
import { COMPUTE_STAGE } from './usage.ts';

/** The layout of bind group 0: uniforms with a dynamic offset (if any), inputs `read`, outputs `read_write`. */
export interface BindingLayout {
  readonly id: number;
  readonly group: GPUBindGroupLayout;
  readonly pipeline: GPUPipelineLayout;
  readonly hasUniforms: boolean;
}

/** A kernel's pipeline: compiled ahead by `prepare`, or else at its first use. */
export class Pipeline {
  readonly name: string;
  readonly layout: BindingLayout;
  readonly #device: GPUDevice;
  readonly #descriptor: () => GPUComputePipelineDescriptor;
  #gpu: GPUComputePipeline | undefined;
  #pending: Promise<void> | undefined;

  constructor(name: string, layout: BindingLayout, device: GPUDevice, descriptor: () => GPUComputePipelineDescriptor) {
    this.name = name;
    this.layout = layout;
    this.#device = device;
    this.#descriptor = descriptor;
  }

  get gpu(): GPUComputePipeline {
    this.#gpu ??= this.#device.createComputePipeline(this.#descriptor());
    return this.#gpu;
  }

  get compiled(): boolean {
    return this.#gpu !== undefined;
  }

  /** Compiles beside other work. Never rejects: what does not compile is reported by its first use. */
  prepare(): Promise<void> {
    if (this.#gpu) return Promise.resolve();
    this.#pending ??= this.#compile();
    return this.#pending;
  }

  async #compile(): Promise<void> {
    const gpu = await this.#device.createComputePipelineAsync(this.#descriptor()).catch(() => undefined);
    if (gpu) this.#gpu ??= gpu;
  }
}

export class PipelineCache {
  readonly #device: GPUDevice;
  readonly #faults: Faults;
  readonly #layouts = new Map<string, BindingLayout>();
  readonly #modules = new Map<string, GPUShaderModule>();
  readonly #pipelines = new Map<string, Pipeline>();

  constructor(device: GPUDevice, faults: Faults) {
    this.#device = device;
    this.#faults = faults;
  }

  /** The pipeline of a kernel, not compiled yet if it is new: one for each name, set of constants and number of bindings. */
  get(kernel: WgslKernel, inputs: number, outputs: number): Pipeline {
    const hasUniforms = kernel.uniforms !== undefined;
    const key = pipelineKey(kernel, hasUniforms, inputs, outputs);
    let pipeline = this.#pipelines.get(key);
    if (!pipeline) {
      pipeline = this.#make(kernel, this.#layout(hasUniforms, inputs, outputs));
      this.#pipelines.set(key, pipeline);
    }
    return pipeline;
  }

  /** How many pipelines have been compiled. */
  get compiled(): number {
    let count = 0;
    for (const pipeline of this.#pipelines.values()) if (pipeline.compiled) count++;
    return count;
  }

  #make(kernel: WgslKernel, layout: BindingLayout): Pipeline {
    const { name, constants, entryPoint } = kernel;
    return new Pipeline(name, layout, this.#device, () => ({
      label: name,
      layout: layout.pipeline,
      compute: {
        module: this.#module(kernel),
        ...(constants && { constants: { ...constants } }),
        ...(entryPoint !== undefined && { entryPoint }),
      },
    }));
  }

  #module({ name, code }: WgslKernel): GPUShaderModule {
    let module = this.#modules.get(name);
    if (!module) {
      module = this.#device.createShaderModule({ label: name, code });
      this.#faults.watchCompilation(name, module);
      this.#modules.set(name, module);
    }
    return module;
  }

  #layout(hasUniforms: boolean, inputs: number, outputs: number): BindingLayout {
    const key = `${hasUniforms ? 'u' : ''}${inputs}/${outputs}`;
    let layout = this.#layouts.get(key);
    if (!layout) {
      const buffers: GPUBufferBindingLayout[] = [
        ...(hasUniforms ? [{ type: 'uniform', hasDynamicOffset: true } as const] : []),
        ...Array.from({ length: inputs }, () => ({ type: 'read-only-storage' }) as const),
        ...Array.from({ length: outputs }, () => ({ type: 'storage' }) as const),
      ];
      const group = this.#device.createBindGroupLayout({
        entries: buffers.map((buffer, binding) => ({ binding, visibility: COMPUTE_STAGE, buffer })),
      });
      const pipeline = this.#device.createPipelineLayout({ bindGroupLayouts: [group] });
      layout = { id: this.#layouts.size, group, pipeline, hasUniforms };
      this.#layouts.set(key, layout);
    }
    return layout;
  }
}

function pipelineKey(kernel: WgslKernel, hasUniforms: boolean, inputs: number, outputs: number): string {
  let key = `${kernel.name} ${kernel.entryPoint ?? ''} ${hasUniforms ? 'u' : ''}${inputs}/${outputs}`;
  for (const constant in kernel.constants) key += ` ${constant}=${kernel.constants[constant]}`;
  return key;
}
