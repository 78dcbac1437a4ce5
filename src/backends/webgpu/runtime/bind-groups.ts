/** @file Bind groups, and how many of them are alive: on a software adapter in Node that number has a bound. */
import { LimitError } from '../../../contract/errors.ts';
import type { BindingLayout } from './pipelines.ts';

/**
 * A living bind group costs llvmpipe a memory map, Linux gives a process 65,530, and Mesa does not survive the next one. A bind
 * group lives until the garbage collector finds it, and it is too small to make the collector hurry.
 */
const MOST = 56_000;
/** With so many of no more use, waiting code has the collector run. */
const GARBAGE = 10_000;

export class BindGroups {
  readonly #device: GPUDevice;
  /** Runs the garbage collector, where that is possible; undefined on adapters without the bound. */
  readonly #collect: (() => void) | undefined;
  readonly #bounded: boolean;
  readonly #finalised = new FinalizationRegistry<void>(() => {
    this.#alive--;
  });
  #alive = 0;
  /** Those that are still of use: cached, or part of a captured step. */
  #used = 0;

  constructor(device: GPUDevice, bounded: boolean, collect?: () => void) {
    this.#device = device;
    this.#bounded = bounded;
    this.#collect = collect;
  }

  /** Throws a LimitError if no more bind groups may be made. */
  admit(): void {
    if (!this.#bounded || this.#alive < MOST) return;
    throw new LimitError(
      `${this.#alive} bind groups are alive (${this.#used} of them in use), and this driver does not survive many more: ` +
        'await device.finish(), or read a result, every step or so; dispose captured steps that are no longer needed',
    );
  }

  /** A bind group in a layout's order. */
  make(layout: BindingLayout, uniforms: GPUBufferBinding, bindings: readonly GPUBufferBinding[]): GPUBindGroup {
    const resources = layout.hasUniforms ? [uniforms, ...bindings] : bindings;
    const group = this.#device.createBindGroup({
      layout: layout.group,
      entries: resources.map((resource, binding) => ({ binding, resource })),
    });
    this.#used++;
    if (this.#bounded) {
      this.#alive++;
      this.#finalised.register(group);
    }
    return group;
  }

  /** So many are of no more use. */
  release(count: number): void {
    this.#used -= count;
  }

  /** When work has been waited for: gets rid of bind groups of no more use, if there are many. */
  async tidy(): Promise<void> {
    if (!this.#collect || this.#alive - this.#used < GARBAGE) return;
    this.#collect();
    // Finalisers run between tasks.
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
}

interface NodeModules {
  getBuiltinModule?(name: 'node:v8'): { setFlagsFromString(flags: string): void };
  getBuiltinModule?(name: 'node:vm'): { runInNewContext(code: string): unknown };
}

/** Node's garbage collector as a function; undefined in a page. Nothing of Node is imported: a bundle for a page stays clean. */
export function nodeCollector(): (() => void) | undefined {
  const node = (globalThis as { process?: NodeModules }).process;
  if (!node?.getBuiltinModule) return undefined;
  let collect: unknown;
  return () => {
    if (!collect) {
      node.getBuiltinModule!('node:v8').setFlagsFromString('--expose-gc');
      collect = node.getBuiltinModule!('node:vm').runInNewContext('gc');
    }
    if (typeof collect === 'function') (collect as () => void)();
  };
}
