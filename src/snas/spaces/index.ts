/** @file The spaces that ship, by name: what each is, its sizes in each preset, and what makes it. */
import type { PresetName } from '../child/presets.ts';
import type { SpaceDefinition } from '../space/search-space.ts';
import { chain } from './chain.ts';
import { darts } from './darts/index.ts';
import { mlp } from './mlp.ts';
import { nasbench201 } from './nasbench201.ts';

/** Sizes of a space, by name; which there are is the space's own. */
export type SpaceSettings = Readonly<Record<string, number>>;

export interface ShippedSpace {
  /** One line for --help. */
  readonly help: string;
  /** All its settings, at the sizes of each preset. */
  readonly presets: Readonly<Record<PresetName, SpaceSettings>>;
  /** OptionError for a size that makes no network. */
  make(settings: SpaceSettings): SpaceDefinition;
}

export const SPACES: Readonly<Record<string, ShippedSpace>> = {
  darts: {
    help: "cells of DARTS's eight operations, one choice an edge (SNAS's own)",
    presets: {
      smoke: { channels: 2, cells: 3, nodes: 2, stemStride: 2 },
      small: { channels: 4, cells: 3, nodes: 4, stemStride: 2 },
      paper: { channels: 16, cells: 8, nodes: 4, stemStride: 1 },
    },
    make: ({ channels = 4, cells = 3, nodes = 4, stemStride = 1 }) =>
      darts({ channels, cells, nodes, stemStride: stemStride === 2 ? 2 : 1 }),
  },
  nasbench201: {
    help: 'cells of four nodes and five operations, all alike',
    presets: {
      smoke: { channels: 4, cells: 1 },
      small: { channels: 8, cells: 1 },
      paper: { channels: 16, cells: 5 },
    },
    make: ({ channels = 16, cells = 5 }) => nasbench201({ channels, cells }),
  },
  chain: {
    help: 'layer by layer: kernel 3, 5 or 7, expansion 3 or 6, or none of it',
    presets: {
      smoke: { channels: 4, layers: 4 },
      small: { channels: 8, layers: 6 },
      paper: { channels: 24, layers: 18 },
    },
    make: ({ channels = 8, layers = 6 }) => chain({ channels, layers }),
  },
  mlp: {
    help: 'width and activation of each layer, for vectors',
    presets: {
      smoke: { width: 32, layers: 2 },
      small: { width: 64, layers: 4 },
      paper: { width: 256, layers: 8 },
    },
    make: ({ width = 64, layers = 4 }) => mlp({ width, layers }),
  },
};

/** A space that ships, by its name; undefined for another. */
export function shippedSpace(name: string): ShippedSpace | undefined {
  return Object.hasOwn(SPACES, name) ? SPACES[name] : undefined;
}
