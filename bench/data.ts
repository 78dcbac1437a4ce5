/** @file Initial data of a task: a function of seed and index alone, so that every contestant makes the same numbers (peers/pytorch.py has a copy). */
import type { Input } from './tasks.ts';

/** Elements of an input, row-major, in float32. */
export function elementsOf({ shape, fill, seed, scale, classes }: Input): Float32Array<ArrayBuffer> {
  const out = new Float32Array(shape.reduce((a, b) => a * b, 1));
  if (fill === 'ones') return out.fill(1);
  if (fill === 'labels') return out.map((_, i) => (7 * i) % classes);
  if (fill !== 'zeros') {
    for (let i = 0; i < out.length; i++) {
      const radius = Math.sqrt(-2 * Math.log(uniform(seed, 2 * i)));
      out[i] = scale * radius * Math.cos(2 * Math.PI * uniform(seed, 2 * i + 1));
    }
  }
  return fill === 'magnitudes' ? out.map(Math.abs) : out;
}

/** In (0, 1): the finaliser of MurmurHash3 on seed and counter. */
function uniform(seed: number, counter: number): number {
  let h = (Math.imul(seed + 1, 0x9e3779b1) ^ counter) >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (((h ^ (h >>> 16)) >>> 0) + 0.5) / 2 ** 32;
}

/** Euclidean norm: the same in every layout. */
export function norm(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]! ** 2;
  return Math.sqrt(sum);
}
