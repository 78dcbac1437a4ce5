/** @file Per-channel mean and standard deviation, to be computed on training images only. */
import { OptionError } from '../contract/errors.ts';
import { type Dataset, imageSize } from './dataset.ts';

/** Statistics of pixels scaled to [0, 1]: one mean and one standard deviation a channel. */
export interface ChannelStatistics {
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/**
 * Mean and population standard deviation of each channel, pixels scaled to [0, 1]. Exact: sums of bytes and of their squares are integers.
 * A channel that is constant gets the deviation 1, so that standardising it gives zeros. Use the training images only: a validation or test
 * image standardised by its own set's statistics has seen its neighbours.
 */
export function channelStatistics(dataset: Dataset): ChannelStatistics {
  if (dataset.labels.length === 0) throw new OptionError('channelStatistics: the dataset is empty');
  const plane = dataset.height * dataset.width;
  const sums = new Float64Array(dataset.channels);
  const squares = new Float64Array(dataset.channels);
  for (let n = 0; n < dataset.labels.length; n++) {
    for (let c = 0; c < dataset.channels; c++) {
      const start = n * imageSize(dataset) + c * plane;
      let sum = 0;
      let square = 0;
      for (let i = start; i < start + plane; i++) {
        const pixel = dataset.images[i]!;
        sum += pixel;
        square += pixel * pixel;
      }
      sums[c]! += sum;
      squares[c]! += square;
    }
  }
  const count = dataset.labels.length * plane;
  const mean = Array.from(sums, (s) => s / count / 255);
  const std = Array.from(squares, (s, c) => {
    const variance = s / count - (sums[c]! / count) ** 2;
    return variance > 0 ? Math.sqrt(variance) / 255 : 1;
  });
  return { mean, std };
}
