/** @file Learning races: the same p(Z), noise, optimiser and schedule for each update, on many enumerated spaces and from many seeds at once. */
import type { Device, Key } from 'reparam';
import { type BatchedSpaces, CHOICES, OPTIONS } from './batched-spaces.ts';
import { costOf, drawSample, probabilitiesOf, stepKey, type Update, Updater } from './updates.ts';

export interface RaceSettings {
  readonly seeds: number;
  readonly steps: number;
  /** Temperature from first to last step, linear. */
  readonly lambda: { readonly start: number; readonly end: number };
  /** Adam on log alpha. */
  readonly lr: number;
  readonly betas: readonly [number, number];
  /** Points of a curve, evenly spaced in steps. */
  readonly points: number;
  readonly key: Key;
}

/** What an update came to, [space][seed]. */
export interface Raced {
  readonly update: Update;
  readonly steps: number;
  /** Cost of all steps, in forward passes with one operation a place. */
  readonly cost: number;
  /** Expected loss of a child drawn from p, as a part of that under equal probabilities, 0 for the best: [space][seed][point]. */
  readonly regret: readonly (readonly (readonly number[])[])[];
  /** Steps until the best architecture has 95 % of the probability, to the next point; Infinity where it never had. */
  readonly solved: readonly (readonly number[])[];
}

export async function race(
  device: Device,
  spaces: BatchedSpaces,
  table: readonly (readonly number[])[],
  update: Update,
  settings: RaceSettings,
): Promise<Raced> {
  const { seeds, steps, lambda, lr, betas, points, key } = settings;
  const size = spaces.spaces * seeds * CHOICES * OPTIONS;
  const logits = new Float64Array(size);
  const [first, second] = [new Float64Array(size), new Float64Array(size)];
  const updater = new Updater(device, spaces, update);
  const regret = table.map(() => Array.from({ length: seeds }, (): number[] => []));
  const solved = table.map(() => Array.from({ length: seeds }, () => Infinity));
  const look = (step: number): void => {
    const p = probabilitiesOf(logits);
    table.forEach((losses, s) => {
      const best = Math.min(...losses);
      const mean = losses.reduce((a, b) => a + b, 0) / losses.length;
      const winner = losses.indexOf(best);
      for (let r = 0; r < seeds; r++) {
        const at = (s * seeds + r) * CHOICES * OPTIONS;
        let expected = 0;
        let ofBest = 0;
        losses.forEach((loss, a) => {
          let probability = 1;
          for (let c = 0; c < CHOICES; c++) probability *= p[at + c * OPTIONS + (Math.floor(a / OPTIONS ** c) % OPTIONS)]!;
          expected += probability * loss;
          if (a === winner) ofBest = probability;
        });
        regret[s]![r]!.push((expected - best) / (mean - best));
        if (ofBest >= 0.95 && step < solved[s]![r]!) solved[s]![r] = step;
      }
    });
  };
  let next = 1;
  for (let step = 0; step < steps; step++) {
    const temperature = lambda.start + ((lambda.end - lambda.start) * step) / Math.max(1, steps - 1);
    const sample = drawSample(logits, temperature, stepKey(key, step));
    const gradient = await updater.gradient(sample, logits, temperature);
    const scale = (lr * Math.sqrt(1 - betas[1] ** (step + 1))) / (1 - betas[0] ** (step + 1));
    for (let i = 0; i < size; i++) {
      const g = gradient[i]!;
      first[i] = betas[0] * first[i]! + (1 - betas[0]) * g;
      second[i] = betas[1] * second[i]! + (1 - betas[1]) * g * g;
      logits[i]! -= (scale * first[i]!) / (Math.sqrt(second[i]!) + 1e-8);
    }
    while (next <= points && (step + 1) * points >= next * steps) {
      look(step + 1);
      next++;
    }
  }
  const cost = steps * costOf(update, CHOICES, spaces.places.length, OPTIONS);
  return { update, steps, cost, regret, solved };
}
