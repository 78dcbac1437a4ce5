/** @file What a strategy needs beside a preset: the rate of its optimiser in short runs, and how random search chooses its child. */
import { largestOf } from '../contract/extremes.ts';
import { RandomSearch, strategy, type StrategyName } from '../baselines/index.ts';
import type { Device } from '../core/tensor.ts';
import { cpu } from '../devices/cpu.ts';
import { OptionError } from '../contract/errors.ts';
import { foldIn, key } from '../core/random.ts';
import { RUN_KEYS } from '../snas/keys.ts';
import { PRESETS } from '../snas/search/presets.ts';
import type { Search } from '../snas/search/search.ts';
import type { SearchConfig } from '../snas/search/config.ts';
import { noiseOfName, SpaceLayout } from '../snas/space/layout.ts';
import type { ArchitectureStrategy, StrategySpace } from '../snas/strategies/strategy.ts';
import type { PresetName } from '../snas/child/presets.ts';

/** An LSTM controller diverges at the rate that suits log alpha in a short run. */
const ENAS_LEARNING_RATE = 0.01;

/** Architectures that random search scores on validation images before it names its child. */
export const CANDIDATES = 16;

/** Whether any loss or price moves a strategy: its Z follows parameters. */
export function learns(name: StrategyName): boolean {
  return example(name).parameters().length > 0;
}

/** Whether a strategy's Z has the score that a measured cost is weighed by (`ArchitectureStrategy.sampled`). */
export function samples(name: StrategyName): boolean {
  return example(name).sampled !== undefined;
}

/** A strategy for one choice, to ask it what it is. */
function example(name: StrategyName): ArchitectureStrategy {
  const layout = new SpaceLayout([{ name: 'choice', options: ['a', 'b'], noise: noiseOfName('choice') }]);
  return strategy(name, cpu(), key(0), { layout });
}

/** The optimiser of the architecture for a strategy: the preset's, with what this strategy needs otherwise. */
export function architectureSettings(name: StrategyName, preset: PresetName): SearchConfig['architecture'] {
  const { architecture } = PRESETS[preset];
  return name === 'enas' && preset !== 'paper' ? { ...architecture, lr: ENAS_LEARNING_RATE } : architecture;
}

/** A strategy with the seed's own key for it. */
export function strategyFor(name: StrategyName, device: Device, seed: number, space: StrategySpace): ArchitectureStrategy {
  return strategy(name, device, foldIn(key(seed), RUN_KEYS.strategy), space);
}

/** Scores a random search's draws on validation images under the shared weights, and makes the best the child. Returns the accuracies. */
export async function chooseCandidate(search: Search, count: number): Promise<number[]> {
  if (count === 0) return [];
  if (!(search.strategy instanceof RandomSearch)) {
    throw new OptionError(`candidates are for random search, not for ${search.strategy.name}`);
  }
  const drawn = search.strategy.candidates(count);
  const accuracies: number[] = [];
  for (const architecture of drawn) accuracies.push((await search.childScore(search.data.validation, architecture)).accuracy);
  search.strategy.choose(drawn[accuracies.indexOf(largestOf(accuracies))]!);
  return accuracies;
}
