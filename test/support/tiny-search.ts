/** @file A search small enough for a test: synthetic images in which the class is a bright quadrant. */
import type { Dataset } from '../../src/data/index.ts';
import { foldIn, key, uniforms } from '../../src/index.ts';
import type { EpochMetrics, NetworkConfig, Search, SearchConfig } from '../../src/snas/index.ts';

/** n images of side 8 in 4 classes: noise, and one quadrant brighter by 120. */
export function quadrants(n: number, seed: number): Dataset {
  const side = 8;
  const labels = new Uint8Array(n);
  const images = new Uint8Array(n * side * side);
  const noise = uniforms(foldIn(key(seed), 0), images.length);
  for (let i = 0; i < n; i++) {
    const label = (i * 7 + seed) % 4;
    labels[i] = label;
    for (let y = 0; y < side; y++) {
      for (let x = 0; x < side; x++) {
        const at = (i * side + y) * side + x;
        const inside = (y >= side / 2 ? 2 : 0) + (x >= side / 2 ? 1 : 0) === label;
        images[at] = Math.floor(noise[at]! * 100) + (inside ? 120 : 0);
      }
    }
  }
  return { images, labels, channels: 1, height: side, width: side, classes: 4 };
}

/** A search whose network has sizes. */
export type TinyConfig = SearchConfig & { readonly network: NetworkConfig };

export const TINY: TinyConfig = {
  network: { channels: 2, cells: 3, nodes: 2, classes: 4, inChannels: 1 },
  seed: 3,
  epochs: 2,
  batchSize: 8,
  weights: { lr: 0.05, lrEnd: 0.001, momentum: 0.9, weightDecay: 3e-4, clip: 5 },
  architecture: { lr: 0.02, betas: [0.5, 0.999], weightDecay: 1e-3 },
  temperature: { start: 1, end: 0.2 },
  eta: 0,
  dropPath: 0,
  calibrationBatches: 2,
};

/** `search.run()`, which is stopped, without a word, when `stopAfter` steps are done. */
export async function* runUntil(search: Search, stopAfter: number | undefined): AsyncGenerator<EpochMetrics, void, void> {
  const stop = new AbortController();
  const afterStep = (step: number): void => {
    if (step === stopAfter) stop.abort();
  };
  try {
    yield* search.run({ signal: stop.signal, afterStep });
  } catch (error) {
    if (error !== stop.signal.reason) throw error;
  }
}
