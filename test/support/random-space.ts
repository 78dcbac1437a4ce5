/** @file Small search spaces drawn at random: shared choices, nested ones, `none` anywhere, options with and without weights. */
import fc from 'fast-check';
import type { BatchSource } from '../../src/data/index.ts';
import { add, type Device, foldIn, key, mul, normals, relu, sub, sum, tanh, type Tensor } from '../../src/index.ts';
import { Identity, Layer, Linear, Sequential } from '../../src/nn/index.ts';
import {
  type Choice,
  choice,
  none,
  type Option,
  type NetworkContext,
  type NetworkFactory,
  type Task,
} from '../../src/snas/index.ts';

/** Width of what goes from place to place. */
const WIDTH = 3;
const OUTPUTS = 2;

/** An option; a number is the index of a choice that stands in it, later than its own. */
type OptionPlan = 'linear' | 'tanh' | 'relu' | 'identity' | 'double' | 'none' | number;

export interface SpacePlan {
  /** Options of each choice. */
  readonly choices: readonly (readonly OptionPlan[])[];
  /** Which choice stands at each place of the network, in order: one may stand at several. */
  readonly places: readonly number[];
  readonly seed: number;
}

/** Up to 6 choices of 2 to 6 options; a choice stands at one place or more, or only within options of earlier ones. */
export function spacePlans(): fc.Arbitrary<SpacePlan> {
  return fc
    .integer({ min: 1, max: 6 })
    .chain((count) =>
      fc.record({
        choices: fc.tuple(
          ...Array.from({ length: count }, (_, c) => {
            const plain = fc.constantFrom<OptionPlan>('linear', 'tanh', 'relu', 'identity', 'double', 'none');
            const any =
              c + 1 < count
                ? fc.oneof({ weight: 4, arbitrary: plain }, { weight: 1, arbitrary: fc.integer({ min: c + 1, max: count - 1 }) })
                : plain;
            return fc
              .array(any, { minLength: 2, maxLength: 6 })
              .filter((options) => options.filter((o) => o === 'none').length <= 1 && options.some((o) => o !== 'none'));
          }),
        ),
        places: fc.array(fc.integer({ min: 0, max: count - 1 }), { minLength: 1, maxLength: 5 }),
        seed: fc.nat(1000),
      }),
    )
    .map((plan) => ({ ...plan, places: withAll(plan) }));
}

/** Every choice stands somewhere, so that its Z matters: those that stand in no option are added. */
function withAll({ choices, places }: SpacePlan): number[] {
  const reached = new Set<number>();
  const reach = (c: number): void => {
    if (reached.has(c)) return;
    reached.add(c);
    for (const option of choices[c]!) if (typeof option === 'number') reach(option);
  };
  for (const c of places) reach(c);
  const added = choices.flatMap((_, c) => {
    if (reached.has(c)) return [];
    reach(c);
    return [c];
  });
  return [...places, ...added];
}

class RandomNetwork extends Layer {
  readonly first: Linear;
  readonly spots: readonly Choice[];
  readonly last: Linear;

  constructor({ device, key: k }: NetworkContext, { choices, places }: SpacePlan) {
    super();
    let made = 0;
    const make = (c: number): Choice => {
      const options = choices[c]!.map((plan, o): [string, Option] => {
        const optionKey = foldIn(k, 10 + made++);
        const linear = (): Linear => new Linear(device, optionKey, WIDTH, WIDTH);
        if (typeof plan === 'number') return [`o${o}`, new Sequential(linear(), make(plan))];
        const option: Record<Exclude<OptionPlan, number>, () => Option> = {
          linear,
          tanh: () => (x: Tensor) => tanh(x),
          relu: () => (x: Tensor) => relu(x),
          identity: () => new Identity(),
          double: () => (x: Tensor) => mul(x, 2),
          none: () => none,
        };
        return [plan === 'none' ? 'none' : `o${o}`, option[plan]()];
      });
      return choice(`c${c}`, Object.fromEntries(options));
    };
    this.first = new Linear(device, foldIn(k, 0), WIDTH, WIDTH);
    this.spots = places.map(make);
    this.last = new Linear(device, foldIn(k, 1), WIDTH, OUTPUTS);
  }

  /** Places follow one another, each beside the sum of what was before. */
  forward(x: Tensor): Tensor {
    let h = this.first.forward(x);
    for (const spot of this.spots) h = add(tanh(h), spot.forward(h));
    return this.last.forward(h);
  }
}

export function randomNetwork(plan: SpacePlan): NetworkFactory {
  return (context) => new RandomNetwork(context, plan);
}

export function randomContext(device: Device, plan: SpacePlan): NetworkContext {
  return { device, key: key(plan.seed), channels: WIDTH, height: 1, width: 1, item: [WIDTH], classes: OUTPUTS };
}

/** Mean squared error; the metric is the sum of squared errors. */
export const regression: Task = {
  loss: (y, t) => mul(sum(squared(y, t)), 1 / y.shape[0]!),
  metric: (y, t) => sum(squared(y, t)),
};

function squared(y: Tensor, t: Tensor): Tensor {
  const d = sub(y, t);
  return mul(d, d);
}

/** Vectors and targets, the same at every pass of a key and epoch. */
export function vectors(n: number, seed: number): BatchSource {
  return {
    length: n,
    shape: [WIDTH],
    targetShape: [OUTPUTS],
    classes: OUTPUTS,
    *batches({ batchSize, epoch = 0, dropLast = false }) {
      for (let from = 0; from < n; from += batchSize) {
        const count = Math.min(batchSize, n - from);
        if (dropLast && count < batchSize) return;
        const k = foldIn(foldIn(key(seed), epoch), from);
        yield {
          n: count,
          images: Float32Array.from(normals(foldIn(k, 0), count * WIDTH)),
          labels: Float32Array.from(normals(foldIn(k, 1), count * OUTPUTS)),
        };
      }
    },
  };
}
