/** @file A search space of DARTS cells for tests: the sizes of a network, and square images. */
import type { Device, Key } from '../../src/index.ts';
import { darts, type NetworkConfig, networkContext, SearchSpace } from '../../src/snas/index.ts';

/** Its network, of images of `side` by `side` pixels, has the weights of `new Supernet(device, key, config)`. */
export function dartsSpace(device: Device, key: Key, config: NetworkConfig, side = 8): SearchSpace {
  const { classes, inChannels, ...sizes } = config;
  return new SearchSpace(darts(sizes), networkContext(device, key, { shape: [inChannels, side, side], classes }));
}
