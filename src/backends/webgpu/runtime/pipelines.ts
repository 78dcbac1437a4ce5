/** @file Compute pipelines and bind-group layouts, each made once. */
import type { WgslKernel } from '../../../contract/backend.ts';
import { OptionError } from '../../../contract/errors.ts';
import type { Faults } from './faults.ts';
import { COMPUTE_STAGE } from './flags.ts';

/**
 * Where a kernel finds its uniforms: at an offset given with each dispatch, so that bind groups can be used again, or at one that is part of the
 * bind group, which costs llvmpipe 20 microseconds less a dispatch and suits a captured step.
 */
export type UniformOffsets = 'dynamic' | 'fixed';

/** The layout of bind group 0: uniforms (if any), inputs `read`, outputs `read_write`. */
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
  readonly #code = new Map<string, string>();
  readonly #modules = new Map<string, GPUShaderModule>();
  readonly #pipelines = new Map<string, Pipeline>();

  constructor(device: GPUDevice, faults: Faults) {
    this.#device = device;
    this.#faults = faults;
  }

  /** The pipeline of a kernel, not compiled yet if it is new: one for each name, set of constants, number of bindings and kind of offsets. */
  get(kernel: WgslKernel, inputs: number, outputs: number, offsets: UniformOffsets): Pipeline {
    this.#admit(kernel);
    const hasUniforms = kernel.uniforms !== undefined;
    const bindings = `${hasUniforms ? offsets : 'no'} uniforms ${inputs}/${outputs}`;
    const key = pipelineKey(kernel, bindings);
    let pipeline = this.#pipelines.get(key);
    if (!pipeline) {
      pipeline = this.#make(kernel, this.#layout(bindings, hasUniforms, inputs, outputs, offsets));
      this.#pipelines.set(key, pipeline);
    }
    return pipeline;
  }

  /** A name stands for its code: other code under it would silently run as the first. */
  #admit({ name, code }: WgslKernel): void {
    const known = this.#code.get(name);
    if (known === undefined) this.#code.set(name, code);
    else if (known !== code) {
      throw new OptionError(`${name}: a kernel of this name with other code was launched before; give each code a name of its own`);
    }
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

  #layout(key: string, hasUniforms: boolean, inputs: number, outputs: number, offsets: UniformOffsets): BindingLayout {
    let layout = this.#layouts.get(key);
    if (!layout) {
      const buffers: GPUBufferBindingLayout[] = [
        ...(hasUniforms ? [{ type: 'uniform', hasDynamicOffset: offsets === 'dynamic' } as const] : []),
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

function pipelineKey(kernel: WgslKernel, bindings: string): string {
  let key = `${kernel.name} ${kernel.entryPoint ?? ''} ${bindings}`;
  for (const constant in kernel.constants) key += ` ${constant}=${kernel.constants[constant]}`;
  return key;
}
