/** @file The sizes of a network, and how large a supernet of them is, so that one that fits nowhere is refused before any memory is asked for. */
import { LimitError, OptionError } from '../../../contract/errors.ts';
import { OPERATIONS } from './genotype.ts';

export interface NetworkConfig {
  /** Channels of a node in the first cells; doubled by each reduction. */
  readonly channels: number;
  readonly cells: number;
  /** Intermediate nodes of a cell. Default 4. */
  readonly nodes?: number;
  readonly classes: number;
  readonly inChannels: number;
  /** 2 halves the image before the first cell (for small budgets). Default 1. */
  readonly stemStride?: 1 | 2;
}

/** Edges with all their operations, in all cells: each is some dozens of tensors. 14 edges of 20 cells are 280. */
const MAX_EDGES = 20_000;
/** 8 GiB of float32, and as much again for each of momentum and gradients. */
const MAX_WEIGHTS = 2 ** 31;
/** Wider channels overflow the weights of a single convolution anyhow. */
const MAX_SIZE = 2 ** 24;

/** Weights of the operations of one edge at c channels and stride 1: two separable and two dilated convolutions of sides 3 and 5. */
function edgeWeights(c: number): number {
  return 6 * c * c + 3 * (9 + 25) * c;
}

export interface SupernetSize {
  /** Edges of all cells. */
  readonly edges: number;
  /** Weights of all their operations: all but stem, cell inputs and classifier, a small part. */
  readonly weights: number;
}

/**
 * The size of the supernet of a config. OptionError for sizes that are no positive integers, LimitError for a network with more edges or weights
 * than any machine holds.
 */
export function supernetSize(config: NetworkConfig): SupernetSize {
  const { channels, cells, nodes = 4, classes, inChannels } = config;
  for (const [name, value] of Object.entries({ channels, cells, nodes, classes, inChannels })) {
    if (!(Number.isInteger(value) && value >= 1)) throw new OptionError(`network: ${name} ${value} must be an integer >= 1`);
    if (value > MAX_SIZE) throw new LimitError(`network: ${name} ${value} is more than ${MAX_SIZE}: take fewer`);
  }
  // Node i has edges from both inputs and from i nodes before it.
  const edges = ((nodes * (nodes + 3)) / 2) * cells;
  if (edges > MAX_EDGES) {
    throw new LimitError(
      `network: ${cells} cells of ${nodes} nodes have ${edges} edges of ${OPERATIONS.length} operations, more than ${MAX_EDGES}: take fewer nodes or cells`,
    );
  }
  let weights = 0;
  let c = channels;
  for (let i = 0; i < cells; i++) {
    if (i === Math.floor(cells / 3) || i === Math.floor((2 * cells) / 3)) c *= 2;
    weights += (edges / cells) * edgeWeights(c);
  }
  weights += c * nodes * classes;
  checkWeights(weights, `${cells} cells of ${nodes} nodes at ${channels} channels`);
  return { edges, weights };
}

/** LimitError for more weights than any machine holds; `network` says of what, in words. */
export function checkWeights(weights: number, network: string): void {
  if (weights <= MAX_WEIGHTS) return;
  throw new LimitError(`network: ${network} have ${Math.round(weights)} weights, more than ${MAX_WEIGHTS}: take fewer channels`);
}
