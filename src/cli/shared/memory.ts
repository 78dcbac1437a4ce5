/** @file Whether a network that is to be trained fits this machine, before memory is asked for. */
import os from 'node:os';
import { LimitError } from '../../contract/errors.ts';
import { checkWeights } from '../../snas/spaces/darts/network-config.ts';

/** Weights, momentum and gradients in float32. */
const BYTES_PER_WEIGHT = 3 * 4;

/** LimitError for so many weights that, with momentum and gradients, they are more than this machine's memory; `network` says of what. */
export function checkMemory(weights: number, network: string): void {
  checkWeights(weights, network);
  const bytes = BYTES_PER_WEIGHT * weights;
  const there = os.totalmem();
  if (bytes <= there) return;
  const gigabytes = (n: number): string => (n / 2 ** 30).toFixed(1);
  throw new LimitError(
    `network: ${network} need ${gigabytes(bytes)} GiB for weights, momentum and gradients, and this machine has ${gigabytes(there)}: ` +
      'take fewer channels, cells or nodes',
  );
}
