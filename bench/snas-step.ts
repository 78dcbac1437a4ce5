/** @file A whole SNAS training step on data of any size: supernet, weights and architecture. */
import { type Device, normals, key, type Tensor } from '../src/index.ts';
import { PRESETS, Search } from '../src/snas/index.ts';

export interface StepSizes {
  readonly channels: number;
  readonly cells: number;
  readonly batch: number;
  /** Of the square images, in pixels. */
  readonly side: number;
  readonly inChannels: number;
  readonly stemStride: 1 | 2;
}

export const SNAS_STEPS: Readonly<Record<string, StepSizes>> = {
  snas_step_c4_3cells_14: { channels: 4, cells: 3, batch: 32, side: 28, inChannels: 1, stemStride: 2 },
  snas_step_c16_8cells_32: { channels: 16, cells: 8, batch: 32, side: 32, inChannels: 3, stemStride: 1 },
};

export function describe({ channels, cells, batch, side, inChannels }: StepSizes): string {
  return `batch ${batch}, C = ${channels}, ${cells} cells, ${inChannels} x ${side} x ${side} images`;
}

export interface SnasStep {
  readonly search: Search;
  readonly batch: { readonly images: Tensor; readonly labels: Tensor };
  /** Starts a step; always the first of the schedules. */
  readonly run: () => void;
  readonly dispose: () => void;
}

const CLASSES = 10;

/** Four nodes a cell, all eight operations, the settings of the preset `small`. */
export function snasStep(device: Device, sizes: StepSizes, eager = false): SnasStep {
  const { batch: n, side, inChannels, channels, cells, stemStride } = sizes;
  const dataset = {
    images: new Uint8Array(n * inChannels * side * side).map((_, i) => (i * 31) % 251),
    labels: new Uint8Array(n).map((_, i) => i % CLASSES),
    channels: inChannels,
    height: side,
    width: side,
    classes: CLASSES,
  };
  const { trainImages: _train, validationImages: _validation, ...preset } = PRESETS.small;
  const network = { channels, cells, stemStride, inChannels, nodes: 4, classes: CLASSES };
  const config = { ...preset, seed: 0, batchSize: n, network };
  const search = new Search(device, config, { train: dataset, validation: dataset }, { eager });
  const shape = [n, inChannels, side, side];
  const batch = {
    images: device.parameter(normals(key(1), n * inChannels * side * side), shape),
    labels: device.parameter([...dataset.labels], [n]),
  };
  return {
    search,
    batch,
    run: () => {
      search.trainStep(batch);
      search.step = 0;
    },
    dispose: () => {
      search.dispose();
      batch.images.dispose();
      batch.labels.dispose();
    },
  };
}
