/**
 * @file Seven updates of log alpha at one relaxed sample Z = softmax((l + G) / lambda), of which only the credit is another:
 *
 *   pathwise          dL(Z(l, G)) / dl
 *   score x credit    score_k = 1 - n softmax_k(-G), times
 *     loss            L
 *     loss - mean     L less the moving average of the losses before
 *     R               sum over tied places of dL/dx_j . O~ = Z . dL/dZ                (the published form)
 *     place ablation  sum over tied places of L less L without the place
 *     group ablation  L less L without all places of the choice
 *     COMA            L less sum_k softmax_k(l) L(the choice takes option k)
 *
 * The unit of cost is the forward pass of one operation at every place. A relaxed pass over n options counts n of them, its backward pass twice
 * as many; a place that is cut, or takes one option, counts what it computes.
 */
import {
  alias,
  concat,
  type Device,
  foldIn,
  grad,
  gumbels,
  type Key,
  mul,
  noGrad,
  reshape,
  scope,
  sum,
  type Tensor,
} from 'reparam';
import { type BatchedSpaces, CHOICES, OPTIONS } from './batched-spaces.ts';

export const UPDATES = ['loss', 'loss - mean', 'R', 'place ablation', 'group ablation', 'COMA', 'pathwise'] as const;
export type Update = (typeof UPDATES)[number];

/** Cost of one step, in forward passes with one operation a place, of a space whose choices have `options` options. */
export function costOf(update: Update, choices: number, places: number, options: number): number {
  const costs: Readonly<Record<Update, number>> = {
    loss: options,
    'loss - mean': options,
    R: 3 * options,
    pathwise: 3 * options,
    'place ablation': options + places * options * (1 - 1 / places),
    'group ablation': options + choices * options * (1 - 1 / choices),
    COMA: options + choices * options * (options * (1 - 1 / choices) + 1 / choices),
  };
  return costs[update];
}

/** Z and score of each row, [spaces, rows, choices, options] row-major. */
export interface Sample {
  readonly z: Float64Array;
  readonly score: Float64Array;
}

/** The same noise for the same key, whatever the logits. */
export function drawSample(logits: Float64Array, lambda: number, k: Key): Sample {
  const noise = gumbels(k, logits.length);
  const z = new Float64Array(logits.length);
  const score = new Float64Array(logits.length);
  for (let from = 0; from < logits.length; from += OPTIONS) {
    softmaxInto(z, from, (i) => (logits[i]! + noise[i]!) / lambda);
    softmaxInto(score, from, (i) => -noise[i]!);
    for (let i = from; i < from + OPTIONS; i++) score[i] = 1 - OPTIONS * score[i]!;
  }
  return { z, score };
}

function softmaxInto(out: Float64Array, from: number, of: (i: number) => number): void {
  let most = -Infinity;
  for (let i = from; i < from + OPTIONS; i++) most = Math.max(most, of(i));
  let total = 0;
  for (let i = from; i < from + OPTIONS; i++) total += out[i] = Math.exp(of(i) - most);
  for (let i = from; i < from + OPTIONS; i++) out[i]! /= total;
}

/** softmax of every row of logits. */
export function probabilitiesOf(logits: Float64Array): Float64Array {
  const p = new Float64Array(logits.length);
  for (let from = 0; from < p.length; from += OPTIONS) softmaxInto(p, from, (i) => logits[i]!);
  return p;
}

/** Estimates of d E[L] / dl of one kind, with what it remembers from step to step. */
export class Updater {
  readonly #device: Device;
  readonly #spaces: BatchedSpaces;
  readonly #update: Update;
  #mean: Float64Array | undefined;

  constructor(device: Device, spaces: BatchedSpaces, update: Update) {
    this.#device = device;
    this.#spaces = spaces;
    this.#update = update;
  }

  /** [spaces, rows, choices, options], to be descended. */
  async gradient({ z, score }: Sample, logits: Float64Array, lambda: number): Promise<Float64Array> {
    const credits = await this.#credits(z, logits);
    const out = new Float64Array(z.length);
    if (credits.slopes) {
      // dZ/dl of each row, transposed.
      for (let from = 0; from < z.length; from += OPTIONS) {
        let mean = 0;
        for (let i = from; i < from + OPTIONS; i++) mean += z[i]! * credits.slopes[i]!;
        for (let i = from; i < from + OPTIONS; i++) out[i] = (z[i]! * (credits.slopes[i]! - mean)) / lambda;
      }
      return out;
    }
    for (let i = 0; i < z.length; i++) out[i] = score[i]! * credits.costs[Math.floor(i / OPTIONS)]!;
    return out;
  }

  /** What the score of each row's choice is multiplied by, [spaces rows choices]; or dL/dZ. */
  async #credits(
    z: Float64Array,
    logits: Float64Array,
  ): Promise<{ readonly costs: ArrayLike<number>; readonly slopes?: undefined } | { readonly slopes: ArrayLike<number> }> {
    const { spaces } = this.#spaces;
    const rows = z.length / (spaces * CHOICES * OPTIONS);
    const update = this.#update;
    if (update === 'pathwise' || update === 'R') {
      const slopes = await this.#read(() => {
        const zt = this.#upload(z, rows);
        const [found] = grad(sum(this.#spaces.losses(zt)), [zt]);
        return update === 'R' ? sum(mul(found, zt), 3) : found;
      });
      return update === 'R' ? { costs: slopes } : { slopes };
    }
    // The sample itself, and beside it what it is compared with.
    const variants = update === 'group ablation' ? CHOICES : update === 'COMA' ? CHOICES * OPTIONS : 0;
    const all = await this.#read(() => {
      const zt = this.#upload(z, rows);
      const parts = Array.from({ length: variants }, (_, v) => this.#upload(this.#variant(z, v), rows));
      const whole = this.#spaces.losses(parts.length > 0 ? concat([zt, ...parts], 1) : zt);
      const cuts = update === 'place ablation' ? this.#spaces.places.map((_, p) => this.#spaces.losses(zt, [p])) : [];
      return cuts.length > 0 ? concat([whole, ...cuts], 1) : alias(whole);
    });
    const width = all.length / spaces;
    const at = (s: number, r: number, v: number): number => all[s * width + v * rows + r]!;
    if (update === 'loss - mean' && !this.#mean) {
      this.#mean = Float64Array.from({ length: spaces * rows }, (_, i) => at(Math.floor(i / rows), i % rows, 0));
    }
    const p = update === 'COMA' ? probabilitiesOf(logits) : undefined;
    const costs = new Float64Array(spaces * rows * CHOICES);
    for (let s = 0; s < spaces; s++) {
      for (let r = 0; r < rows; r++) {
        const loss = at(s, r, 0);
        const row = s * rows + r;
        for (let c = 0; c < CHOICES; c++) {
          const i = row * CHOICES + c;
          if (update === 'loss') costs[i] = loss;
          else if (update === 'loss - mean') costs[i] = loss - this.#mean![row]!;
          else if (update === 'group ablation') costs[i] = loss - at(s, r, 1 + c);
          else if (update === 'place ablation') {
            this.#spaces.places.forEach((choice, place) => {
              if (choice === c) costs[i]! += loss - at(s, r, 1 + place);
            });
          } else {
            let expected = 0;
            for (let k = 0; k < OPTIONS; k++) expected += p![i * OPTIONS + k]! * at(s, r, 1 + c * OPTIONS + k);
            costs[i] = loss - expected;
          }
        }
        if (this.#mean) this.#mean[row]! += (1 - DECAY) * (loss - this.#mean[row]!);
      }
    }
    return { costs };
  }

  /** Z with one choice cut (a row of zeros), or with one choice at one option. */
  #variant(z: Float64Array, v: number): Float64Array {
    const out = Float64Array.from(z);
    const choice = this.#update === 'COMA' ? Math.floor(v / OPTIONS) : v;
    for (let from = choice * OPTIONS; from < z.length; from += CHOICES * OPTIONS) {
      out.fill(0, from, from + OPTIONS);
      if (this.#update === 'COMA') out[from + (v % OPTIONS)] = 1;
    }
    return out;
  }

  #upload(z: Float64Array, rows: number): Tensor {
    return this.#device.tensor(z, [this.#spaces.spaces, rows, CHOICES, OPTIONS]);
  }

  async #read(make: () => Tensor): Promise<ArrayLike<number>> {
    const gradient = this.#update === 'pathwise' || this.#update === 'R';
    const found = scope(() => reshape(gradient ? make() : noGrad(make), [-1]));
    const data = await found.data();
    found.dispose();
    return data;
  }
}

/** Decay of the moving average, as `Reinforce` has it. */
const DECAY = 0.95;

/** Noise of one step, the same for every update. */
export function stepKey(k: Key, step: number): Key {
  return foldIn(k, step);
}
