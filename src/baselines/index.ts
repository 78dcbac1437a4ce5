/** @file The public names of reparam/baselines: SNAS's rivals behind one interface, and the choice of one by name. */
import type { Device } from '../core/tensor.ts';
import { OptionError } from '../contract/errors.ts';
import type { Key } from '../core/random.ts';
import { Snas } from '../snas/strategies/snas.ts';
import type { ArchitectureStrategy } from '../snas/strategies/strategy.ts';
import { AutoregressiveSnas } from './autoregressive.ts';
import { Darts } from './darts.ts';
import { Enas } from './enas.ts';
import { RandomSearch, UniformAlpha } from './fixed.ts';
import { Dsnas, Gdas, Reinforce } from './sampled.ts';

export { AutoregressiveSnas } from './autoregressive.ts';
export { Darts, type DartsOptions } from './darts.ts';
export { Enas, type EnasOptions } from './enas.ts';
export { FactorizedStrategy } from '../snas/strategies/factorized.ts';
export { randomGenotype, RandomSearch, UniformAlpha } from './fixed.ts';
export { RewardBaseline } from './reward-baseline.ts';
export { Dsnas, Gdas, Reinforce, type ReinforceOptions } from './sampled.ts';
export { topTwoEdges, topTwoGenotype } from './top-two.ts';
export { mixedProduct, type MixedProductOptions, type UnrolledProblem, unrolledGradients } from './unrolled.ts';

type Make = (device: Device, key: Key, nodes: number) => ArchitectureStrategy;

const STRATEGIES: Readonly<Record<StrategyName, Make>> = {
  snas: (device, key, nodes) => new Snas(device, key, { nodes }),
  'snas-autoregressive': (device, key, nodes) => new AutoregressiveSnas(device, key, { nodes }),
  'darts-1': (device, key, nodes) => new Darts(device, key, { nodes }),
  'darts-2': (device, key, nodes) => new Darts(device, key, { nodes, order: 2 }),
  'darts-2-finite-difference': (device, key, nodes) => new Darts(device, key, { nodes, order: 2, hessian: 'finite-difference' }),
  'darts-single': (device, key, nodes) => new Darts(device, key, { nodes, level: 'single' }),
  dsnas: (device, key, nodes) => new Dsnas(device, key, { nodes }),
  enas: (device, key, nodes) => new Enas(device, key, { nodes }),
  gdas: (device, key, nodes) => new Gdas(device, key, { nodes }),
  random: (device, key, nodes) => new RandomSearch(device, key, { nodes }),
  reinforce: (device, key, nodes) => new Reinforce(device, key, { nodes }),
  uniform: (device, key, nodes) => new UniformAlpha(device, key, { nodes }),
};

export const STRATEGY_NAMES = [
  'snas',
  'snas-autoregressive',
  'darts-1',
  'darts-2',
  'darts-2-finite-difference',
  'darts-single',
  'dsnas',
  'enas',
  'gdas',
  'random',
  'reinforce',
  'uniform',
] as const;

export type StrategyName = (typeof STRATEGY_NAMES)[number];

/** A strategy by name, at its defaults; an error lists the names. */
export function strategy(name: string, device: Device, key: Key, nodes = 4): ArchitectureStrategy {
  const known = STRATEGY_NAMES.find((n) => n === name);
  if (!known) throw new OptionError(`strategy: '${name}' is not one of ${STRATEGY_NAMES.join(', ')}`);
  return STRATEGIES[known](device, key, nodes);
}
