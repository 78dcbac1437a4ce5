/** @file What a device keeps of constants: bounded in number and bytes, the longest unused goes first. */
import { sizeOf } from '../contract/shape.ts';
import type { Tensor } from './tensor.ts';

/** Constants of a device by name, each a tensor of its own. */
export class Constants {
  readonly #kept = new Map<string, Tensor>();
  readonly #most: number;
  readonly #mostBytes: number;
  #bytes = 0;

  constructor(most: number, mostBytes: number) {
    this.#most = most;
    this.#mostBytes = mostBytes;
  }

  get count(): number {
    return this.#kept.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The constant of this name, now the most recently used. */
  get(name: string): Tensor | undefined {
    const found = this.#kept.get(name);
    if (!found) return undefined;
    this.#kept.delete(name);
    this.#kept.set(name, found);
    return found;
  }

  /** Keeps a constant and frees others until all fit, this one too if it alone is too large. */
  keep(name: string, made: Tensor): void {
    this.#kept.set(name, made);
    this.#bytes += bytesOf(made);
    for (const [oldest, tensor] of this.#kept) {
      if (this.#kept.size <= this.#most && this.#bytes <= this.#mostBytes) return;
      this.#kept.delete(oldest);
      this.#bytes -= bytesOf(tensor);
      tensor.dispose();
    }
  }

  /** Forgets everything: the device is destroyed. */
  clear(): void {
    this.#kept.clear();
    this.#bytes = 0;
  }
}

function bytesOf({ shape, dtype }: Tensor): number {
  return sizeOf(shape) * (dtype === 'float64' ? 8 : 4);
}
