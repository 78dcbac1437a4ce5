/** @file What a training trains: cells, in a network of the training's own size, or the child of a search, in its own. */
import type { Layer, StateDict } from '../../nn/module.ts';
import { foldIn, type Key, key } from '../../core/random.ts';
import type { Device } from '../../core/tensor.ts';
import { type BatchSource, type Dataset, sourceOf } from '../../data/index.ts';
import { childCost } from '../../snas/cost/child-cost.ts';
import { RUN_KEYS } from '../../snas/keys.ts';
import { childSize } from '../../snas/spaces/darts/child-size.ts';
import { cellPictures } from '../../snas/spaces/darts/draw.ts';
import type { Genotype } from '../../snas/spaces/darts/genotype.ts';
import { ChildNetwork } from '../../snas/spaces/darts/network.ts';
import type { NamedGenotype } from './genotype-source.ts';
import { CHILD_FILE, CHILD_WEIGHTS, RunChild, type SavedChild, savedSpace } from './run-child.ts';
import type { Files } from './run-folder.ts';
import type { AskedTraining } from './training-folder.ts';

export interface Trainee {
  readonly name: string;
  /** Of cells. */
  readonly genotype?: Genotype;
  readonly parameters: number;
  /** Of one example. */
  readonly multiplyAdds: number;
  readonly train: Dataset | BatchSource;
  readonly test: Dataset | BatchSource;
  /** The network as its training begins. The caller disposes it. */
  network(device: Device): Layer;
  /** The files that it leaves, by name. */
  files(weights: Uint8Array, accuracy: number): Files;
}

/** The key of the initial weights. */
function weightsKey({ seed }: Pick<AskedTraining, 'seed'>): Key {
  return foldIn(key(seed), RUN_KEYS.childWeights);
}

/** Cells, each trained from scratch. */
export function cellTrainees(asked: AskedTraining, train: Dataset, test: Dataset): Trainee[] {
  const { cells, network, auxiliary } = asked;
  if (!network) return [];
  return cells.map(({ name, genotype }: NamedGenotype) => ({
    name,
    genotype,
    ...childSize(genotype, { ...network, imageSide: train.height }),
    train,
    test,
    network: (device) => new ChildNetwork(device, weightsKey(asked), network, genotype, { auxiliary }),
    files: (weights) => ({
      [`${name}.safetensors`]: weights,
      ...Object.fromEntries(Object.entries(cellPictures(genotype)).map(([file, picture]) => [`${name}-${file}`, picture])),
    }),
  }));
}

/** The child of `--from`, with the weights that it had. */
export async function storedChild({ child }: AskedTraining, folder: string, state: StateDict): Promise<RunChild | undefined> {
  return child && new RunChild(folder, child.saved, await savedSpace('training.json', child.saved), state);
}

/** A child, from the weights that it has or from new ones. Its images are standardised as in the search. */
export function childTrainee(asked: AskedTraining, device: Device, child: RunChild, train: Dataset, test: Dataset): Trainee {
  const { name, scratch } = asked.child!;
  const { augment } = asked.training;
  const { definition, saved } = child;
  const { parameters, flops } = childCost(definition, child.context(device), saved.choices);
  // Refuses what does not fit, by name.
  child.source(test, asked.data);
  child.source(train, asked.data);
  const { standardise } = saved;
  return {
    name,
    parameters,
    multiplyAdds: flops,
    train: sourceOf(train, { standardise, augment }),
    test: sourceOf(test, { standardise }),
    network: (on) => (scratch ? child.renew(on, weightsKey(asked)) : child.load(on)),
    files: (weights, accuracy) => ({
      [CHILD_WEIGHTS]: weights,
      [CHILD_FILE]: `${JSON.stringify(trained(saved, asked, accuracy), undefined, 2)}\n`,
    }),
  };
}

/** What is said of a child whose accuracies are no longer those of its search. */
export function withoutScores(saved: SavedChild): SavedChild {
  const {
    validationAccuracy: _v,
    testAccuracy: _t,
    testAccuracyWithRunningStatistics: _r,
    complete: _c,
    ...kept
  } = saved as SavedChild &
    Record<'validationAccuracy' | 'testAccuracy' | 'testAccuracyWithRunningStatistics' | 'complete', unknown>;
  return kept;
}

function trained(saved: SavedChild, { data, reading }: AskedTraining, testAccuracy: number): object {
  const { reading: _before, ...kept } = withoutScores(saved);
  return { testAccuracy, ...kept, data, ...(reading && { reading }) };
}
