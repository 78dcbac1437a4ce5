/** @file What a network is made for, from a source of examples. */
import type { BatchSource } from '../../data/index.ts';
import type { Key } from '../../core/random.ts';
import type { Device } from '../../core/tensor.ts';
import type { NetworkContext } from '../space/search-space.ts';

/** The context of a network for the examples of a source. */
export function networkContext(
  device: Device,
  key: Key,
  { shape, classes }: Pick<BatchSource, 'shape' | 'classes'>,
): NetworkContext {
  const [channels = 1, height = 1, width = 1] = shape;
  return { device, key, channels, height, width, item: shape, classes };
}
