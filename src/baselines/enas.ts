/**
 * @file ENAS: an LSTM controller that names the operations one after another, trained by REINFORCE. Pham et al., ICML 2018.
 *
 * On this search space the controller chooses an operation for every edge (the published one chooses two inputs and two operations a node),
 * first those of the normal cell, then those of the reduction cell. Weights are shared and trained on sampled children; the controller
 * learns from validation batches, one a step (the published one alternates by epochs).
 */
import { grad } from '../core/autograd.ts';
import type { Device } from '../core/tensor.ts';
import { gumbelMax, oneHotArgmax } from '../distributions/gumbel.ts';
import { OptionError } from '../contract/errors.ts';
import { noGrad } from '../core/grad-mode.ts';
import { LstmCell } from '../nn/lstm.ts';
import { Linear } from '../nn/layers.ts';
import { uniformParameter } from '../nn/init.ts';
import { concat, detach, exp, matmul, mul, neg, reshape, slice, sub, sum, tanh } from '../core/ops.ts';
import { foldIn, gumbels, type Key } from '../core/random.ts';
import { scope } from '../core/scope.ts';
import { edgesOf, type Genotype, OPERATIONS } from '../snas/space/genotype.ts';
import type { ArchitectureStrategy, Feedback, StrategyStep } from '../snas/strategies/strategy.ts';
import { logSoftmax } from '../core/softmax.ts';
import type { Tensor } from '../core/tensor.ts';
import { RewardBaseline } from './reward-baseline.ts';
import { argmaxGenotype, withProbabilities } from '../snas/strategies/probabilities.ts';
import type { CellWeights } from '../snas/space/cell-weights.ts';

export interface EnasOptions {
  readonly nodes?: number;
  /** Size of the LSTM and of the embeddings. Default 100. */
  readonly hidden?: number;
  /** Weight of the entropy bonus. Default 1e-4. */
  readonly entropyWeight?: number;
  /** Decay of the reward's moving average. Default 0.95. */
  readonly baselineDecay?: number;
  /** Logits are divided by this, then squashed to +-tanhConstant. Defaults 5 and 2.5. */
  readonly temperature?: number;
  readonly tanhConstant?: number;
}

/** Gumbel noise, [edges of both cells, 8]. */
type ControllerInputs = { readonly noise: Tensor };

interface Rollout {
  /** One-hot choices [edges of both cells, 8]. */
  readonly choices: Tensor;
  /** Log probabilities of all operations at each choice, given those before, same shape. */
  readonly logP: Tensor;
}

export class Enas implements ArchitectureStrategy<ControllerInputs> {
  readonly name = 'enas';
  readonly level = 'bilevel';
  readonly nodes: number;
  readonly device: Device;
  readonly #lstm: LstmCell;
  readonly #head: Linear;
  /** [8 + 1, hidden]: an operation's embedding is the controller's next input; the last row starts the sequence. */
  readonly #embedding: Tensor;
  readonly #baseline: RewardBaseline;
  readonly #entropyWeight: number;
  readonly #temperature: number;
  readonly #tanhConstant: number;
  /** The graph of log p for each proposal that has not had its feedback. */
  readonly #rollouts = new WeakMap<Tensor, Rollout>();

  constructor(device: Device, key: Key, options: EnasOptions = {}) {
    const { nodes = 4, hidden = 100, entropyWeight = 1e-4, baselineDecay = 0.95, temperature = 5, tanhConstant = 2.5 } = options;
    this.device = device;
    this.nodes = nodes;
    this.#lstm = new LstmCell(device, foldIn(key, 0), hidden, hidden);
    this.#head = new Linear(device, foldIn(key, 1), hidden, OPERATIONS.length, { bias: false });
    this.#embedding = uniformParameter(device, foldIn(key, 2), [OPERATIONS.length + 1, hidden], 0.1);
    this.#baseline = new RewardBaseline(device, baselineDecay);
    this.#entropyWeight = entropyWeight;
    this.#temperature = temperature;
    this.#tanhConstant = tanhConstant;
  }

  parameters(): readonly Tensor[] {
    return [...this.#lstm.parameters(), ...this.#head.parameters(), this.#embedding];
  }

  stateDict(): ReadonlyMap<string, Tensor> {
    return new Map([
      ...this.#lstm.namedParameters().map(([name, t]) => [`lstm.${name}`, t] as const),
      ...this.#head.namedParameters().map(([name, t]) => [`head.${name}`, t] as const),
      ['embedding', this.#embedding],
      ['baseline', this.#baseline.state],
    ]);
  }

  inputs({ key }: StrategyStep): ControllerInputs {
    const rows = 2 * edgesOf(this.nodes).length;
    return { noise: this.device.tensor(gumbels(key, rows * OPERATIONS.length), [rows, OPERATIONS.length]) };
  }

  propose({ noise }: ControllerInputs): CellWeights {
    const rollout = this.#roll((logP, row) => gumbelMax(logP, { noise: slice(noise, [row], [row + 1]) }));
    const z = this.#byType(detach(rollout.choices));
    this.#rollouts.set(z.normal, rollout);
    return z;
  }

  /** Descends (loss - baseline) log p(Z) - entropyWeight H. */
  gradients(z: CellWeights, { loss }: Feedback): readonly Tensor[] {
    return scope(() => {
      const rollout = this.#rollouts.get(z.normal);
      if (!rollout) throw new OptionError('enas: gradients need a Z that this strategy proposed; pass what `propose` returned');
      const { choices, logP } = rollout;
      const advantage = detach(sub(loss, this.#baseline.value(loss)));
      const entropy = neg(sum(mul(exp(logP), logP)));
      const objective = sub(mul(sum(mul(logP, choices)), advantage), mul(entropy, this.#entropyWeight));
      const found = grad(objective, this.parameters());
      this.#baseline.update(loss);
      return found;
    });
  }

  /** The conditional probabilities along the most likely sequence; the marginals of an autoregressive p(Z) have no closed form. */
  probabilities(): CellWeights {
    return noGrad(() =>
      scope(() => {
        const { logP } = this.#roll((row) => oneHotArgmax(row));
        return this.#byType(exp(logP));
      }),
    );
  }

  /** The controller's most likely operation at every step, given those before. */
  derive(): Promise<Genotype> {
    return withProbabilities(this, (p) => argmaxGenotype(p, this.nodes));
  }

  #roll(choose: (logP: Tensor, row: number) => Tensor): Rollout {
    const choices: Tensor[] = [];
    const rows: Tensor[] = [];
    let state = this.#lstm.initial(1);
    let input = slice(this.#embedding, [OPERATIONS.length]);
    const embedding = slice(this.#embedding, [0], [OPERATIONS.length]);
    for (let row = 0; row < 2 * edgesOf(this.nodes).length; row++) {
      state = this.#lstm.forward(input, state);
      const squashed = mul(tanh(mul(this.#head.forward(state.h), 1 / this.#temperature)), this.#tanhConstant);
      const logP = logSoftmax(squashed);
      const choice = choose(logP, row);
      rows.push(logP);
      choices.push(choice);
      input = matmul(choice, embedding);
    }
    return { choices: concat(choices), logP: concat(rows) };
  }

  #byType(both: Tensor): CellWeights {
    const edges = edgesOf(this.nodes).length;
    const shape = [edges, OPERATIONS.length];
    return noGrad(() => ({ normal: reshape(slice(both, [0], [edges]), shape), reduce: reshape(slice(both, [edges]), shape) }));
  }
}
