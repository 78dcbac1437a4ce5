/** @file log alpha of all choices: how it starts, the noise that its samples need, and the pathwise gradient to it. */
import { grad } from '../../core/autograd.ts';
import type { Device } from '../../core/tensor.ts';
import { checkTemperature } from '../../distributions/gumbel.ts';
import { dot } from '../../core/composites.ts';
import { add } from '../../core/ops.ts';
import { gumbels, type Key, normals } from '../../core/random.ts';
import { scope } from '../../core/scope.ts';
import type { Tensor } from '../../core/tensor.ts';
import type { ChoiceWeights, SpaceLayout } from '../space/layout.ts';
import type { StrategyStep } from './strategy.ts';

export interface ArchitectureInit {
  /** log alpha starts normal with this mean and standard deviation. Default 1 and 0.01 (SNAS's code). */
  readonly mean?: number;
  readonly std?: number;
}

/** log alpha of all choices: parameters of the factorised p(Z), equation 7. Each choice starts from its own source of noise. */
export function architectureParameters(device: Device, key: Key, layout: SpaceLayout, init: ArchitectureInit = {}): ChoiceWeights {
  const { mean = 1, std = 0.01 } = init;
  return layout.draw(key, normals).map((numbers, m) =>
    device.parameter(
      numbers.map((v) => mean + std * v),
      layout.shape(m),
    ),
  );
}

/** Standard Gumbel noise of log alpha's shapes, drawn in float64 on the host, each choice from its own source. */
export function gumbelNoise(device: Device, layout: SpaceLayout, key: Key): ChoiceWeights {
  return layout.upload(device, layout.draw(key, gumbels));
}

/** What a relaxed sample needs in a step: Gumbel noise of all choices, and the temperature, [1]. */
export type RelaxationInputs = { readonly noise: ChoiceWeights; readonly temperature: Tensor };

/** The inputs of a relaxed sample of log alpha. OptionError, in the strategy's name, for a temperature that is not positive. */
export function relaxationInputs(
  strategy: string,
  layout: SpaceLayout,
  logAlpha: ChoiceWeights,
  { key, temperature }: StrategyStep,
): RelaxationInputs {
  checkTemperature(strategy, temperature);
  const { device } = logAlpha[0]!;
  return { noise: gumbelNoise(device, layout, key), temperature: device.tensor([temperature], [1]) };
}

/** Pulls dloss/dZ back to the parameters through the graph of Z: the pathwise gradient. */
export function pathwiseGradients(z: ChoiceWeights, gradient: ChoiceWeights, parameters: readonly Tensor[]): Tensor[] {
  return scope(() => {
    const surrogate = z.map((matrix, m) => dot(matrix, gradient[m]!)).reduce((a, b) => add(a, b));
    return grad(surrogate, parameters);
  });
}
