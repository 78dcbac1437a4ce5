/** @file Random numbers that a seed repeats. */
import { key, uniforms, foldIn } from '../src/core/random.ts';

/** Numbers in [0, 1), by the library's own generator. */
export function randomNumbers(seed: number): () => number {
  let draws = new Float64Array();
  let at = 0;
  let block = 0;
  return () => {
    if (at === draws.length) {
      draws = uniforms(foldIn(key(seed), block++), 256);
      at = 0;
    }
    return draws[at++]!;
  };
}
