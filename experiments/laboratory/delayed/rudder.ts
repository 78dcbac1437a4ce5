/**
 * @file RUDDER: an LSTM learns to predict the return from the sequence so far; the differences of its predictions are the new rewards.
 * Source: Arjona-Medina et al., "RUDDER: return decomposition for delayed rewards", NeurIPS 2019.
 */
import {
  add,
  type Device,
  enableGrad,
  foldIn,
  grad,
  type Key,
  linear,
  mean,
  mul,
  noGrad,
  normals,
  reshape,
  scope,
  slice,
  square,
  sub,
  type Tensor,
  uniforms,
} from 'reparam';
import { Adam } from 'reparam/optim';
import { Lstm } from './lstm.ts';

/** A finished episode: one feature vector a step, and the return. All episodes of one learner have the same length. */
export interface Lesson {
  readonly features: readonly ArrayLike<number>[];
  readonly return: number;
}

export interface RudderOptions {
  readonly inputs: number;
  /** Default 16. */
  readonly units?: number;
  readonly key: Key;
  /** Default 0.01. */
  readonly learningRate?: number;
  /** Default 8. */
  readonly batch?: number;
  /** Returns are divided by this for training. Default 1. */
  readonly returnScale?: number;
  /** Weight of predicting the return at every step, beside the last. Default 0.5. */
  readonly everyStep?: number;
  /** Mean bias of the input gate. Default 0. */
  readonly inputGateBias?: number;
}

export class Rudder {
  readonly #device: Device;
  readonly #options: Required<RudderOptions>;
  readonly #lstm: Lstm;
  readonly #head: { readonly weight: Tensor; readonly bias: Tensor };
  readonly #optimizer: Adam;
  /** Gradient steps taken. */
  updates = 0;

  constructor(device: Device, options: RudderOptions) {
    this.#device = device;
    this.#options = { units: 16, learningRate: 0.01, batch: 8, returnScale: 1, everyStep: 0.5, inputGateBias: 0, ...options };
    const { inputs, units, key, inputGateBias } = this.#options;
    this.#lstm = new Lstm(device, { inputs, units, key: foldIn(key, 0), inputGateBias });
    this.#head = {
      weight: device.parameter(
        normals(foldIn(key, 1), units).map((v) => (0.5 * v) / Math.sqrt(units)),
        [1, units],
      ),
      bias: device.parameter([0], [1]),
    };
    this.#optimizer = new Adam(this.parameters, { lr: this.#options.learningRate });
  }

  get parameters(): readonly Tensor[] {
    return [...this.#lstm.parameters, this.#head.weight, this.#head.bias];
  }

  /**
   * One gradient step on lessons drawn at random: squared error of the prediction after the last step, plus `everyStep` times its
   * mean over all steps. Resolves to the former, in units of the scaled return.
   */
  async trainStep(lessons: readonly Lesson[]): Promise<number> {
    const { batch, returnScale, everyStep } = this.#options;
    const k = foldIn(foldIn(this.#options.key, 2), this.updates++);
    const chosen = Array.from(uniforms(k, batch), (u) => lessons[Math.floor(u * lessons.length)]!);
    const last = enableGrad(() =>
      scope(() => {
        const predictions = this.#predict(chosen);
        const target = this.#device.tensor(
          chosen.map((l) => l.return / returnScale),
          [1, batch],
        );
        const errors = square(sub(predictions, target));
        const time = predictions.shape[0]!;
        const final = mean(slice(errors, [time - 1], [time]));
        const loss = add(final, mul(mean(errors), everyStep));
        this.#optimizer.step(grad(loss, this.parameters));
        return final;
      }),
    );
    const value = await last.item();
    last.dispose();
    return value;
  }

  /** Predicted returns after every step, [lesson][step]. */
  async predict(lessons: readonly Pick<Lesson, 'features'>[]): Promise<number[][]> {
    const predictions = noGrad(() => scope(() => this.#predict(lessons)));
    const flat = await predictions.data();
    const [time, batch] = predictions.shape as [number, number];
    predictions.dispose();
    return Array.from({ length: batch }, (_, b) =>
      Array.from({ length: time }, (_u, t) => flat[t * batch + b]! * this.#options.returnScale),
    );
  }

  /**
   * New rewards, [lesson][step]: the change of the prediction at each step, the first one's from 0, and what the prediction misses
   * in the end added to the last. They sum to the return exactly.
   */
  async redistribute(lessons: readonly Lesson[]): Promise<number[][]> {
    const predictions = await this.predict(lessons);
    return predictions.map((g, i) => {
      const rewards = g.map((v, t) => v - (t === 0 ? 0 : g[t - 1]!));
      rewards[rewards.length - 1]! += lessons[i]!.return - g.at(-1)!;
      return rewards;
    });
  }

  /** [time, batch], in scaled units. */
  #predict(lessons: readonly Pick<Lesson, 'features'>[]): Tensor {
    const { inputs, units } = this.#options;
    const time = lessons[0]!.features.length;
    const batch = lessons.length;
    const flat = new Float64Array(time * batch * inputs);
    lessons.forEach(({ features }, b) => features.forEach((f, t) => flat.set(Array.from(f), (t * batch + b) * inputs)));
    const outputs = this.#lstm.forward(this.#device.tensor(flat, [time, batch, inputs]));
    return reshape(linear(reshape(outputs, [time * batch, units]), this.#head.weight, this.#head.bias), [time, batch]);
  }
}
