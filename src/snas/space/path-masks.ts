/** @file Drop path: one mask for each option that may be dropped and each sample, drawn on the host from a key. */
import { dims } from '../../contract/shape.ts';
import { type Key, uniforms } from '../../core/random.ts';
import { reshape, slice } from '../../core/ops.ts';
import type { Device, Tensor } from '../../core/tensor.ts';
import type { Layer } from '../../nn/module.ts';
import { Choice, withChildMasks } from './choice.ts';
import type { PathMask } from './pass.ts';
import type { Place, SearchSpace } from './search-space.ts';

/** [rows, n]: 0 with the given probability, else 1 / (1 - probability), so that the mean is 1. */
export function drawPathMasks(device: Device, key: Key, rows: number, n: number, probability: number): Tensor {
  // A child in which nothing is left still has masks, of one row, so that every step has the same inputs.
  const count = Math.max(1, rows);
  const keep = 1 - probability;
  return device.tensor(
    uniforms(key, count * n).map((v) => (v < keep ? 1 / keep : 0)),
    [count, n],
  );
}

/** One row of such masks, [n]. */
export function pathMask(masks: Tensor, row: number): Tensor {
  const { n } = dims('path masks', masks, 'options n');
  return reshape(slice(masks, [row], [row + 1]), [n]);
}

/** Which rows of the masks belong to which options of a space: a row for each option of each place, in order. */
export class SpacePaths {
  readonly rows: number;
  readonly #first: readonly number[];
  readonly #kept: readonly (readonly boolean[])[];

  constructor(space: SearchSpace, places: readonly Place[]) {
    const { choices } = space.layout;
    let rows = 0;
    this.#first = places.map(({ choice }) => {
      const first = rows;
      rows += choices[choice]!.options.length;
      return first;
    });
    this.rows = rows;
    const holders = new Map(space.holders.map((holder) => [holder.name, holder]));
    this.#kept = places.map(({ choice }) => {
      const { name, options } = choices[choice]!;
      const holder = holders.get(name);
      return options.map((_, k) => holder?.isNeverDropped(k) ?? false);
    });
  }

  /** The rows of masks [rows, n] as a pass asks for them. */
  maskOf(masks: Tensor): PathMask {
    return (place, option) => (this.#kept[place]![option]! ? undefined : pathMask(masks, this.#first[place]! + option));
  }
}

/** A child in training, as `trainChild` takes it: a network may know more (an auxiliary head), and any network with choices is one. */
export interface ChildModel {
  readonly network: Layer;
  /** Rows of path masks. */
  readonly paths: number;
  /** Logits, and those of an auxiliary classifier in training mode where there is one. */
  forward(x: Tensor, masks?: Tensor): readonly [Tensor, Tensor | undefined];
}

/** A child that says of itself how it is trained. */
export interface TrainableChild extends Layer {
  asChildModel(): ChildModel;
}

/** How a child is trained: as it says itself, or with the outputs of its choices dropped. */
export function childModel(network: Layer): ChildModel {
  if ('asChildModel' in network) return (network as TrainableChild).asChildModel();
  const rows = new Map<Choice, number>();
  for (const module of network.modules()) {
    if (module instanceof Choice && module.chosen !== undefined && !module.isNeverDropped(module.chosen) && !module.vanished) {
      rows.set(module, rows.size);
    }
  }
  return {
    network,
    paths: rows.size,
    forward: (x, masks) => {
      if (!masks) return [network.forward(x), undefined];
      const mask = (choice: Choice): Tensor | undefined => {
        const row = rows.get(choice);
        return row === undefined ? undefined : pathMask(masks, row);
      };
      return [withChildMasks(mask, () => network.forward(x)), undefined];
    },
  };
}
