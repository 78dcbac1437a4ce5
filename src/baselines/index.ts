/** @file The public names of reparam/baselines: SNAS's rivals behind one interface, and the choice of one by name. */
import type { Device } from '../core/tensor.ts';
import { OptionError } from '../contract/errors.ts';
import type { Key } from '../core/random.ts';
import { Snas } from '../snas/strategies/snas.ts';
import type { ArchitectureStrategy, StrategySpace } from '../snas/strategies/strategy.ts';
import { AutoregressiveSnas } from './autoregressive.ts';
import { Darts } from './darts.ts';
import { Enas } from './enas.ts';
import { RandomSearch, UniformAlpha } from './fixed.ts';
import { Dsnas, Gdas, Reinforce } from './sampled.ts';

export { AutoregressiveSnas } from './autoregressive.ts';
export { Darts, type DartsOptions } from './darts.ts';
export { Enas, type EnasOptions } from './enas.ts';
export { FactorizedStrategy } from '../snas/strategies/factorized.ts';
export { randomArchitecture, RandomSearch, UniformAlpha } from './fixed.ts';
export { RewardBaseline } from './reward-baseline.ts';
export { Dsnas, Gdas, Reinforce, type ReinforceOptions } from './sampled.ts';
export { mixedProduct, type MixedProductOptions, type UnrolledProblem, unrolledGradients } from './unrolled.ts';

/** Where a strategy is made, and for which choices. */
type Place = readonly [device: Device, key: Key, space: StrategySpace];

/** One row a strategy: what makes it, at its defaults. */
const STRATEGIES = {
  snas: (...place: Place): Snas => new Snas(...place),
  'snas-autoregressive': (...place: Place): AutoregressiveSnas => new AutoregressiveSnas(...place),
  'darts-1': (...place: Place): Darts => new Darts(...place),
  'darts-2': (...place: Place): Darts => new Darts(...place, { order: 2 }),
  'darts-2-finite-difference': (...place: Place): Darts => new Darts(...place, { order: 2, hessian: 'finite-difference' }),
  'darts-single': (...place: Place): Darts => new Darts(...place, { level: 'single' }),
  dsnas: (...place: Place): Dsnas => new Dsnas(...place),
  enas: (...place: Place): Enas => new Enas(...place),
  gdas: (...place: Place): Gdas => new Gdas(...place),
  random: (...place: Place): RandomSearch => new RandomSearch(...place),
  reinforce: (...place: Place): Reinforce => new Reinforce(...place),
  uniform: (...place: Place): UniformAlpha => new UniformAlpha(...place),
};

export type StrategyName = keyof typeof STRATEGIES;

export const STRATEGY_NAMES: readonly StrategyName[] = Object.keys(STRATEGIES).filter(isStrategyName);

function isStrategyName(name: string): name is StrategyName {
  return Object.hasOwn(STRATEGIES, name);
}

/** A strategy by name, at its defaults, for the choices of a space (a `SearchSpace` is one such); an error lists the names. */
export function strategy(name: string, device: Device, key: Key, space: StrategySpace): ArchitectureStrategy {
  if (!isStrategyName(name)) throw new OptionError(`strategy: '${name}' is not one of ${STRATEGY_NAMES.join(', ')}`);
  return STRATEGIES[name](device, key, space);
}
