/** @file Per-channel mean and standard deviation, to be computed on training images only. */
import { OptionError } from '../contract/errors.ts';
import { type Dataset, imageSize } from './dataset.ts';

/** One mean and one standard deviation a channel, of pixels scaled to [0, 1] or of floats as they are. */
export interface ChannelStatistics {
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/**
 * Mean and population standard deviation of each channel (of a vector: of each feature), pixels scaled to [0, 1], floats as they are. Exact for
 * bytes: sums of them and of their squares are integers. Floats take a second pass for the deviations from the mean.
 * A channel that is constant gets the deviation 1, so that standardising it gives zeros. Use the training images only: a validation or test
 * image standardised by its own set's statistics has seen its neighbours.
 */
export function channelStatistics(dataset: Dataset): ChannelStatistics {
  if (dataset.labels.length === 0) throw new OptionError('channelStatistics: the dataset is empty');
  return dataset.images instanceof Uint8Array ? ofBytes(dataset, dataset.images) : ofFloats(dataset, dataset.images);
}

function ofBytes(dataset: Dataset, pixels: Uint8Array): ChannelStatistics {
  const plane = dataset.height * dataset.width;
  const sums = new Float64Array(dataset.channels);
  const squares = new Float64Array(dataset.channels);
  for (let n = 0; n < dataset.labels.length; n++) {
    for (let c = 0; c < dataset.channels; c++) {
      const start = n * imageSize(dataset) + c * plane;
      let sum = 0;
      let square = 0;
      for (let i = start; i < start + plane; i++) {
        const pixel = pixels[i]!;
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

function ofFloats(dataset: Dataset, values: Float32Array): ChannelStatistics {
  const { channels } = dataset;
  const plane = dataset.height * dataset.width;
  const count = dataset.labels.length * plane;
  const total = (term: (value: number, channel: number) => number): number[] => {
    const sums = Array.from({ length: channels }, () => 0);
    for (let i = 0; i < values.length; i++) {
      const c = Math.floor(i / plane) % channels;
      sums[c]! += term(values[i]!, c);
    }
    return sums;
  };
  const mean = total((value) => value).map((sum) => sum / count);
  // A constant channel's mean is rounded, so its deviation need not come out as 0.
  const constant = mean.map((_, c) => values[c * plane]!);
  const varies = mean.map(() => false);
  const squares = total((value, c) => {
    if (value !== constant[c]) varies[c] = true;
    return (value - mean[c]!) ** 2;
  });
  const std = squares.map((sum, c) => (varies[c] ? Math.sqrt(sum / count) : 1));
  return { mean, std };
}
