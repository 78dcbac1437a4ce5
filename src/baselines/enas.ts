/**
 * @file ENAS: an LSTM controller that names the operations one after another, trained by REINFORCE. Pham et al., ICML 2018.
 *
 * The controller takes an option for every choice, in the order of choices (the published one chooses two inputs and two operations a node). Choices of
 * one size share the head that scores their options and the embeddings of them. Weights are shared and trained on sampled children; the controller
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
import { add, concat, detach, exp, matmul, mul, neg, slice, sub, sum, tanh } from '../core/ops.ts';
import { foldIn, gumbels, type Key } from '../core/random.ts';
import { scope } from '../core/scope.ts';
import type { Architecture } from '../snas/space/architecture.ts';
import type { ChoiceWeights, SpaceLayout } from '../snas/space/layout.ts';
import type { ArchitectureStrategy, Feedback, StrategySpace, StrategyStep } from '../snas/strategies/strategy.ts';
import { logSoftmax } from '../core/softmax.ts';
import type { Tensor } from '../core/tensor.ts';
import { RewardBaseline } from './reward-baseline.ts';
import { argmaxArchitecture, withProbabilities } from '../snas/strategies/probabilities.ts';

export interface EnasOptions {
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

/** Gumbel noise for the options of all choices. */
type ControllerInputs = { readonly noise: ChoiceWeights };

interface Rollout {
  /** One-hot options. */
  readonly chosen: ChoiceWeights;
  /** Log probabilities of all options of each choice, given what was taken before. */
  readonly logP: ChoiceWeights;
}

export class Enas implements ArchitectureStrategy<ControllerInputs> {
  readonly name = 'enas';
  readonly level = 'bilevel';
  readonly layout: SpaceLayout;
  readonly device: Device;
  readonly #lstm: LstmCell;
  /** One a matrix of choices: [options] scores of an LSTM's state. */
  readonly #heads: readonly Linear[];
  /** [options of all matrices + 1, hidden]: an option's embedding is the controller's next input; the last row starts the sequence. */
  readonly #embedding: Tensor;
  /** Row of the embedding where each matrix begins, and where the start is. */
  readonly #firstRows: readonly number[];
  readonly #start: number;
  readonly #baseline: RewardBaseline;
  readonly #entropyWeight: number;
  readonly #temperature: number;
  readonly #tanhConstant: number;
  /** The graph of log p for each proposal that has not had its feedback. */
  readonly #rollouts = new WeakMap<ChoiceWeights, Rollout>();

  constructor(device: Device, key: Key, space: StrategySpace, options: EnasOptions = {}) {
    const { hidden = 100, entropyWeight = 1e-4, baselineDecay = 0.95, temperature = 5, tanhConstant = 2.5 } = options;
    this.device = device;
    this.layout = space.layout;
    const sizes = space.layout.matrices.map((matrix) => matrix.options);
    this.#lstm = new LstmCell(device, foldIn(key, 0), hidden, hidden);
    this.#heads = sizes.map(
      (size, m) => new Linear(device, m === 0 ? foldIn(key, 1) : foldIn(foldIn(key, 1), m), hidden, size, { bias: false }),
    );
    this.#firstRows = sizes.map((_, m) => sizes.slice(0, m).reduce((a, b) => a + b, 0));
    this.#start = sizes.reduce((a, b) => a + b, 0);
    this.#embedding = uniformParameter(device, foldIn(key, 2), [this.#start + 1, hidden], 0.1);
    this.#baseline = new RewardBaseline(device, baselineDecay);
    this.#entropyWeight = entropyWeight;
    this.#temperature = temperature;
    this.#tanhConstant = tanhConstant;
  }

  parameters(): readonly Tensor[] {
    return [...this.#lstm.parameters(), ...this.#heads.flatMap((head) => head.parameters()), this.#embedding];
  }

  stateDict(): ReadonlyMap<string, Tensor> {
    return new Map([
      ...this.#lstm.namedParameters().map(([name, t]) => [`lstm.${name}`, t] as const),
      ...this.#heads.flatMap((head, m) =>
        head.namedParameters().map(([name, t]) => [m === 0 ? `head.${name}` : `head.${m}.${name}`, t] as const),
      ),
      ['embedding', this.#embedding],
      ['baseline', this.#baseline.state],
    ]);
  }

  inputs({ key }: StrategyStep): ControllerInputs {
    // One sequence for all choices, in the order in which the controller takes them.
    const numbers = gumbels(key, this.layout.size);
    let from = 0;
    const rows = this.layout.choices.map(({ options }) => numbers.subarray(from, (from += options.length)));
    return { noise: this.layout.upload(this.device, this.layout.toMatrices(rows)) };
  }

  propose({ noise }: ControllerInputs): ChoiceWeights {
    const rollout = this.#roll((logP, matrix, row) => gumbelMax(logP, { noise: slice(noise[matrix]!, [row], [row + 1]) }));
    const z = rollout.chosen.map((rows) => detach(rows));
    this.#rollouts.set(z, rollout);
    return z;
  }

  /** Descends (loss - baseline) log p(Z) - entropyWeight H. */
  gradients(z: ChoiceWeights, { loss }: Feedback): readonly Tensor[] {
    return scope(() => {
      const rollout = this.#rollouts.get(z);
      if (!rollout) throw new OptionError('enas: gradients need a Z that this strategy proposed; pass what `propose` returned');
      const { chosen, logP } = rollout;
      const advantage = detach(sub(loss, this.#baseline.value(loss)));
      const total = (terms: readonly Tensor[]): Tensor => terms.reduce((a, b) => add(a, b));
      const entropy = neg(total(logP.map((rows) => sum(mul(exp(rows), rows)))));
      const logPZ = total(logP.map((rows, m) => sum(mul(rows, chosen[m]!))));
      const objective = sub(mul(logPZ, advantage), mul(entropy, this.#entropyWeight));
      const found = grad(objective, this.parameters());
      this.#baseline.update(loss);
      return found;
    });
  }

  /** The conditional probabilities along the most likely sequence; the marginals of an autoregressive p(Z) have no closed form. */
  probabilities(): ChoiceWeights {
    return noGrad(() => scope(() => this.#roll((row) => oneHotArgmax(row)).logP.map((rows) => exp(rows))));
  }

  /** The controller's most likely option at every choice, given those before. */
  derive(): Promise<Architecture> {
    return withProbabilities(this, (p) => argmaxArchitecture(this.layout, p));
  }

  #roll(choose: (logP: Tensor, matrix: number, row: number) => Tensor): Rollout {
    const chosen: Tensor[] = [];
    const logPs: Tensor[] = [];
    let state = this.#lstm.initial(1);
    let input = slice(this.#embedding, [this.#start]);
    const embeddings = this.layout.matrices.map(({ options }, m) =>
      slice(this.#embedding, [this.#firstRows[m]!], [this.#firstRows[m]! + options]),
    );
    for (const c of this.layout.choices.keys()) {
      const { matrix, row } = this.layout.place(c);
      state = this.#lstm.forward(input, state);
      const squashed = mul(tanh(mul(this.#heads[matrix]!.forward(state.h), 1 / this.#temperature)), this.#tanhConstant);
      const logP = logSoftmax(squashed);
      const choice = choose(logP, matrix, row);
      logPs.push(logP);
      chosen.push(choice);
      input = matmul(choice, embeddings[matrix]!);
    }
    const asMatrices = (rows: readonly Tensor[]): ChoiceWeights =>
      this.layout.matrices.map(({ choices }) => concat(choices.map((c) => rows[c]!)));
    return { chosen: asMatrices(chosen), logP: asMatrices(logPs) };
  }
}
