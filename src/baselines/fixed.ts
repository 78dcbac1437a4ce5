/** @file Strategies that learn nothing: random search over one-hot Z, and relaxed samples from uniform probabilities. */
import type { Device } from '../core/tensor.ts';
import { checkTemperature, gumbelSoftmax } from '../distributions/gumbel.ts';
import { noGrad } from '../core/grad-mode.ts';
import { foldIn, type Key, uniforms } from '../core/random.ts';
import { type Architecture, architectureOf } from '../snas/space/architecture.ts';
import { type ChoiceWeights, oneHotWeights, type SpaceLayout } from '../snas/space/layout.ts';
import { gumbelNoise } from '../snas/strategies/log-alpha.ts';
import type { ArchitectureStrategy, StrategyInputs, StrategySpace, StrategyStep } from '../snas/strategies/strategy.ts';
import type { Tensor } from '../core/tensor.ts';

/** The number of one option a choice, each equally likely, choices independent. */
function randomOptions(key: Key, layout: SpaceLayout): number[] {
  const drawn = layout.drawOne(key, uniforms);
  return layout.choices.map(({ options }, c) => Math.floor(drawn[c]! * options.length));
}

/** One option a choice, each equally likely, choices independent: `none` included. */
export function randomArchitecture(key: Key, layout: SpaceLayout): Architecture {
  return architectureOf(layout, randomOptions(key, layout));
}

/** Z as it was drawn on the host. */
type DrawnInputs = StrategyInputs & { readonly z: ChoiceWeights };

/** What both share: Z is drawn on the host and proposed as it is, uniform probabilities, no parameters. */
abstract class FixedStrategy implements ArchitectureStrategy<DrawnInputs> {
  abstract readonly name: string;
  readonly level = 'single';
  readonly layout: SpaceLayout;
  protected readonly device: Device;
  protected readonly key: Key;

  constructor(device: Device, key: Key, space: StrategySpace) {
    this.device = device;
    this.key = key;
    this.layout = space.layout;
  }

  parameters(): readonly Tensor[] {
    return [];
  }

  stateDict(): ReadonlyMap<string, Tensor> {
    return new Map();
  }

  abstract inputs(step: StrategyStep): DrawnInputs;

  propose({ z }: DrawnInputs): ChoiceWeights {
    return z;
  }

  gradients(): readonly Tensor[] {
    return [];
  }

  probabilities(): ChoiceWeights {
    const { layout, device } = this;
    return noGrad(() => layout.matrices.map(({ options }, m) => device.full(layout.shape(m), 1 / options)));
  }

  abstract derive(): Promise<Architecture>;
}

/**
 * Random search with shared weights (Li and Talwalkar, UAI 2019): each step trains one architecture drawn uniformly. `candidates` are
 * further draws, to be scored on validation images; `choose` says which was best, and `derive` gives it (else the first).
 */
export class RandomSearch extends FixedStrategy {
  readonly name = 'random';
  #chosen: Architecture | undefined;

  inputs({ key }: StrategyStep): DrawnInputs {
    return { z: oneHotWeights(this.device, this.layout, randomOptions(key, this.layout)) };
  }

  candidates(count: number): Architecture[] {
    return Array.from({ length: count }, (_, i) => randomArchitecture(foldIn(this.key, i), this.layout));
  }

  choose(architecture: Architecture): void {
    this.#chosen = architecture;
  }

  derive(): Promise<Architecture> {
    return Promise.resolve(this.#chosen ?? randomArchitecture(foldIn(this.key, 0), this.layout));
  }
}

/** SNAS's relaxed samples with log alpha fixed at 0: what is left of SNAS when nothing is learned. The child is drawn uniformly. */
export class UniformAlpha extends FixedStrategy {
  readonly name = 'uniform';

  inputs({ key, temperature }: StrategyStep): DrawnInputs {
    checkTemperature(this.name, temperature);
    const noise = gumbelNoise(this.device, this.layout, key);
    return {
      z: noGrad(() => noise.map((rows, m) => gumbelSoftmax(this.device.zeros(this.layout.shape(m)), { noise: rows, temperature }))),
    };
  }

  derive(): Promise<Architecture> {
    return Promise.resolve(randomArchitecture(this.key, this.layout));
  }
}
