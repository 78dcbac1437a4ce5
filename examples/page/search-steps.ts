/** @file Three steps of a SNAS search on pictures made here: the same numbers in a page and in Node. */
import { bits, type Device, key } from 'reparam';
import type { Dataset } from 'reparam/data';
import { architectureGenotype, drawGenotype, PRESETS, printGenotype, Search } from 'reparam/snas';

export interface SearchSteps {
  /** Training loss of each step. A step's loss depends on the updates of weights and alpha before it. */
  readonly losses: readonly number[];
  readonly genotype: string;
  readonly pictures: ReturnType<typeof drawGenotype>;
}

const SIDE = 16;
const BATCH = 16;

/** Stripes whose slope is the class, under noise: `count` pictures of SIDE x SIDE from a seed. */
function stripes(count: number, seed: number): Dataset {
  const noise = bits(key(seed), count * SIDE * SIDE);
  const images = Uint8Array.from(noise, (word, i) => {
    const [label, y, x] = [Math.floor(i / SIDE ** 2) % 10, Math.floor(i / SIDE) % SIDE, i % SIDE];
    const bright = (x * (1 + (label % 5)) + y * (1 + Math.floor(label / 5) * 3)) % 10 < 4;
    return (bright ? 160 : 0) + (word >>> 26);
  });
  const labels = Uint8Array.from({ length: count }, (_, i) => i % 10);
  return { images, labels, channels: 1, height: SIDE, width: SIDE, classes: 10 };
}

/** Runs the steps on a device; each epoch is one batch, so that its loss is a step's. */
export async function searchSteps(device: Device): Promise<SearchSteps> {
  const network = { channels: 2, cells: 3, nodes: 2, stemStride: 2, classes: 10, inChannels: 1 } as const;
  const search = new Search(
    device,
    { ...PRESETS.smoke, seed: 0, epochs: 3, batchSize: BATCH, calibrationBatches: 1, network },
    { train: stripes(BATCH, 1), validation: stripes(BATCH, 2) },
  );
  const losses: number[] = [];
  for await (const { loss } of search.run()) losses.push(loss);
  const genotype = architectureGenotype(await search.strategy.derive(), network.nodes);
  return { losses, genotype: printGenotype(genotype), pictures: drawGenotype(genotype) };
}
