/** @file What a strategy needs beside a preset: the rate of its optimiser in short runs, and how random search chooses its child. */
import { RandomSearch, strategy, type StrategyName } from '../baselines/index.ts';
import type { Device } from '../core/tensor.ts';
import { OptionError } from '../contract/errors.ts';
import { foldIn, key } from '../core/random.ts';
import { RUN_KEYS } from '../snas/keys.ts';
import { type PresetName, PRESETS } from '../snas/search/presets.ts';
import type { Search } from '../snas/search/search.ts';
import type { SearchConfig } from '../snas/search/config.ts';
import type { ArchitectureStrategy } from '../snas/strategies/strategy.ts';

/** An LSTM controller diverges at the rate that suits log alpha in a short run. */
const ENAS_LEARNING_RATE = 0.01;

/** Architectures that random search scores on validation images before it names its child. */
export const CANDIDATES = 16;

/** Strategies whose Z follows no parameter: no loss and no price moves them. */
export const LEARN_NOTHING: readonly StrategyName[] = ['random', 'uniform'];

/** Strategies whose Z has the score that a measured cost is weighed by (`ArchitectureStrategy.sampled`). */
export const SAMPLING: readonly StrategyName[] = ['snas', 'gdas', 'dsnas', 'reinforce'];

/** The optimiser of the architecture for a strategy: the preset's, with what this strategy needs otherwise. */
export function architectureSettings(name: StrategyName, preset: PresetName): SearchConfig['architecture'] {
  const { architecture } = PRESETS[preset];
  return name === 'enas' && preset !== 'paper' ? { ...architecture, lr: ENAS_LEARNING_RATE } : architecture;
}

/** A strategy with the seed's own key for it. */
export function strategyFor(name: StrategyName, device: Device, seed: number, nodes: number): ArchitectureStrategy {
  return strategy(name, device, foldIn(key(seed), RUN_KEYS.strategy), nodes);
}

/** Scores a random search's draws on validation images under the shared weights, and makes the best the child. Returns the accuracies. */
export async function chooseCandidate(search: Search, count: number): Promise<number[]> {
  if (count === 0) return [];
  if (!(search.strategy instanceof RandomSearch)) {
    throw new OptionError(`candidates are for random search, not for ${search.strategy.name}`);
  }
  const drawn = search.strategy.candidates(count);
  const accuracies: number[] = [];
  for (const genotype of drawn) accuracies.push((await search.childScore(search.data.validation, genotype)).accuracy);
  search.strategy.choose(drawn[accuracies.indexOf(Math.max(...accuracies))]!);
  return accuracies;
}
