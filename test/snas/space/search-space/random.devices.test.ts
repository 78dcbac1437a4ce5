/** @file What holds in every search space, on spaces drawn at random: children, credits, costs, resumption and capture. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { recordCredits } from '../../../../src/credit/index.ts';
import { gumbelSoftmax, RelaxedOneHotCategorical } from '../../../../src/distributions/index.ts';
import {
  add,
  cpu,
  type Device,
  foldIn,
  grad,
  gumbels,
  key,
  mul,
  noGrad,
  normals,
  scope,
  sum,
  type Tensor,
  uniforms,
} from '../../../../src/index.ts';
import {
  type Architecture,
  architectureOf,
  type ChoiceWeights,
  costTable,
  expectedCost,
  jointEntropy,
  oneHotWeights,
  Search,
  type SearchConfig,
  SearchSpace,
  SpaceCost,
  scoreFunctionBlackBox,
} from '../../../../src/snas/index.ts';
import { openDevice } from '../../../support/device.ts';
import { randomContext, randomNetwork, regression, spacePlans, type SpacePlan, vectors } from '../../../support/random-space.ts';

const RUNS = 25;
const SEED = 20_261_128;

let device: Device;
let reference: Device;
beforeAll(async () => {
  device = await openDevice();
  reference = cpu();
});
afterAll(() => device.destroy());

function open(on: Device, plan: SpacePlan): SearchSpace {
  return new SearchSpace(randomNetwork(plan), randomContext(on, plan));
}

/** Option numbers of an architecture, drawn. */
function drawn(space: SearchSpace, seed: number): number[] {
  const u = uniforms(key(seed), space.layout.choices.length);
  return space.layout.choices.map(({ options }, c) => Math.floor(u[c]! * options.length));
}

/** Rows on the simplex. */
function simplex(space: SearchSpace, seed: number): ChoiceWeights {
  const rows = space.layout.choices.map(({ options }, c) => {
    const u = Array.from(uniforms(foldIn(key(seed), c), options.length));
    const total = u.reduce((a, b) => a + b, 0);
    return u.map((v) => v / total);
  });
  return space.layout.upload(space.device, space.layout.toMatrices(rows));
}

function inputs(on: Device, seed: number): { readonly images: Tensor; readonly labels: Tensor } {
  return {
    images: on.tensor(normals(foldIn(key(seed), 0), 12), [4, 3]),
    labels: on.tensor(normals(foldIn(key(seed), 1), 8), [4, 2]),
  };
}

const property = (check: (plan: SpacePlan) => Promise<void>, runs = RUNS): Promise<void> =>
  fc.assert(fc.asyncProperty(spacePlans(), check), { numRuns: runs, seed: SEED });

describe('a random space', () => {
  it('has children that compute what it computes under their one-hot Z, to 1e-4 of the largest output (float64: 1e-12)', async () => {
    for (const on of [device, reference]) {
      await property(async (plan) => {
        const space = open(on, plan);
        const { images } = inputs(on, plan.seed);
        const options = drawn(space, plan.seed + 1);
        const z = oneHotWeights(on, space.layout, options);
        // Its own weights would be others.
        const child = space.child(architectureOf(space.layout, options), { inherit: true, key: key(plan.seed + 2) });
        const [whole, part] = await Promise.all([
          scope(() => noGrad(() => space.forward(images, z))).data(),
          scope(() => noGrad(() => child.forward(images))).data(),
        ]);
        const largest = Array.from(whole).reduce((m, v) => Math.max(m, Math.abs(v)), 1e-3);
        whole.forEach((v, i) =>
          expect(Math.abs(part[i]! - v)).toBeLessThanOrEqual((on.dtype === 'float64' ? 1e-12 : 1e-4) * largest),
        );
        child.dispose();
        space.dispose();
      });
    }
  });

  it('has children that hold the weights of their options alone, also where an option is within another', async () => {
    await property(async (plan) => {
      const space = open(reference, plan);
      const options = drawn(space, plan.seed + 1);
      const child = space.child(architectureOf(space.layout, options));
      const names = new Set([...child.stateTensors()].map(({ name }) => name));
      for (const { name } of space.network.stateTensors()) {
        // 'spots.0.o1.0.weight': of the choice at spot 0, option 1; what is within it is a choice in turn.
        const kept = name.split('.').every((part, i, parts) => {
          if (!/^o\d+$/.test(part)) return true;
          const holder = space.network.namedModules();
          const at = parts.slice(0, i).join('.');
          for (const [path, module] of holder) {
            if (path === at && 'optionNames' in module) {
              const { name: of, optionNames } = module as unknown as { name: string; optionNames: string[] };
              return optionNames[options[space.layout.indexOf(of)]!] === part;
            }
          }
          return true;
        });
        expect([name, names.has(name)]).toEqual([name, kept]);
      }
      child.dispose();
      space.dispose();
    });
  });

  it('has credits of which both forms agree, -c . O~ and -Z . dL/dZ, and their sums by choice are -Z . dL/dZ of the shared row', async () => {
    for (const on of [device, reference]) {
      await property(async (plan) => {
        const space = open(on, plan);
        const batch = inputs(on, plan.seed);
        const z = simplex(space, plan.seed + 2);
        const record = await recordCredits(space, z, batch, { step: 0, task: regression });
        expect(record.mismatch).toBeLessThan(on.dtype === 'float64' ? 1e-11 : 2e-4);
        const leaves = z.map((rows) => mul(rows, 1));
        const gradients = scope(() =>
          grad(regression.loss(space.forward(batch.images, leaves), batch.labels), leaves, { unused: 'zeros' }),
        );
        const products = space.layout.toRows(await Promise.all(gradients.map((g, m) => scope(() => mul(g, leaves[m]!)).data())));
        const largest = record.places.reduce((m, p) => Math.max(m, Math.abs(p.credit)), 1e-3);
        for (const [c, { name }] of space.layout.choices.entries()) {
          const sum = record.places.reduce((s, p) => (p.choice === name ? s + p.credit : s), 0);
          const shared = -products[c]!.reduce((a, b) => a + b, 0);
          expect(Math.abs(sum - shared)).toBeLessThan((on.dtype === 'float64' ? 1e-11 : 5e-4) * largest);
        }
        space.dispose();
      });
    }
  });

  it('has credits that are minus the slope of the loss in a gate on the place, by central differences in float64', async () => {
    await property(async (plan) => {
      const space = open(reference, plan);
      const batch = inputs(reference, plan.seed);
      const z = simplex(space, plan.seed + 2);
      const record = await recordCredits(space, z, batch, { step: 0, task: regression });
      const h = 1e-5;
      const at = (place: number, s: number): Promise<number> =>
        scope(() =>
          noGrad(() => {
            const tap = (p: number, output: Tensor): Tensor => (p === place ? mul(output, s) : output);
            return regression.loss(space.forward(batch.images, z, { tap }), batch.labels);
          }),
        ).item();
      for (const [place, { credit }] of record.places.entries()) {
        const slope = ((await at(place, 1 + h)) - (await at(place, 1 - h))) / (2 * h);
        expect(Math.abs(credit + slope)).toBeLessThan(1e-6 * Math.max(1, Math.abs(credit), record.loss));
      }
      space.dispose();
    }, 10);
  });

  it('costs at a one-hot Z what its table says of the architecture, and its cost is linear in the Z of each choice', async () => {
    await property(async (plan) => {
      const space = open(reference, plan);
      const table = costTable(space);
      const weights = { parameters: 1, memory: 0.5 };
      const cost = new SpaceCost(reference, table, weights);
      const priced = (a: Architecture): number => {
        const { parameters, memory } = table.of(a);
        return parameters + 0.5 * memory - cost.offset;
      };
      const options = drawn(space, plan.seed + 1);
      const other = drawn(space, plan.seed + 3);
      const value = (z: ChoiceWeights): Promise<number> => scope(() => noGrad(() => cost.of(z))).item();
      expect(await value(oneHotWeights(reference, space.layout, options))).toBeCloseTo(
        priced(architectureOf(space.layout, options)),
        8,
      );
      for (const c of space.layout.choices.keys()) {
        // Along the line between two options of one choice, all else as it is.
        const one = oneHotWeights(reference, space.layout, options);
        const two = oneHotWeights(
          reference,
          space.layout,
          options.map((o, i) => (i === c ? other[c]! : o)),
        );
        const between = await value(one.map((rows, m) => scope(() => mix(rows, two[m]!, 0.3))));
        expect(between).toBeCloseTo(0.7 * (await value(one)) + 0.3 * (await value(two)), 6);
      }
      space.dispose();
    });
  });

  it('has an expected cost that is the mean over all architectures, and its gradient is the mean of cost times score', async () => {
    await property(async (plan) => {
      const space = open(reference, plan);
      const total = space.layout.choices.reduce((n, { options }) => n * options.length, 1);
      fc.pre(total <= 300);
      const table = costTable(space);
      const cost = new SpaceCost(reference, table, { parameters: 1, memory: 1 });
      const logits = space.layout
        .draw(key(plan.seed), normals)
        .map((numbers, m) => reference.parameter(numbers, space.layout.shape(m)));
      const closed = scope(() => expectedCost(logits, cost));
      const gradients = scope(() => grad(expectedCost(logits, cost), logits, { unused: 'zeros' }));
      const rows = space.layout.toRows(await Promise.all(logits.map((l) => l.data())));
      const p = rows.map((row) => {
        const e = row.map((v) => Math.exp(v - Math.max(...row)));
        const s = e.reduce((a, b) => a + b, 0);
        return e.map((v) => v / s);
      });
      let mean = 0;
      const scores = space.layout.matrices.map((_, m) => new Float64Array(space.layout.shape(m).reduce((a, b) => a * b)));
      for (let i = 0; i < total; i++) {
        let rest = i;
        const options = space.layout.choices.map(({ options: names }) => {
          const option = rest % names.length;
          rest = Math.floor(rest / names.length);
          return option;
        });
        const probability = options.reduce((q, o, c) => q * p[c]![o]!, 1);
        const { parameters, memory } = table.of(architectureOf(space.layout, options));
        const value = parameters + memory - cost.offset;
        mean += probability * value;
        const estimates = scope(() =>
          grad(scoreFunctionBlackBox(logits, oneHotWeights(reference, space.layout, options), value), logits, { unused: 'zeros' }),
        );
        for (const [m, estimate] of estimates.entries())
          (await estimate.data()).forEach((g, j) => (scores[m]![j]! += probability * g));
      }
      expect(await closed.item()).toBeCloseTo(mean, 6);
      for (const [m, g] of gradients.entries()) (await g.data()).forEach((v, j) => expect(v).toBeCloseTo(scores[m]![j]!, 6));
      space.dispose();
    }, 8);
  });

  it('has the same gradient of a relaxed cost through the sample and by the score (lambda 0.7, N = 200, 4 spaces, |z| < 4.5 in all components)', async () => {
    const temperature = 0.7;
    const n = 200;
    await property(async (plan) => {
      const space = open(reference, plan);
      const { layout } = space;
      fc.pre(layout.size <= 14);
      const table = costTable(space);
      fc.pre(table.extremes().largest.memory > table.extremes().smallest.memory);
      const cost = new SpaceCost(reference, table, table.relativeWeights({ memory: 1 }));
      const logits = layout.draw(key(plan.seed), normals).map((numbers, m) => reference.parameter(numbers, layout.shape(m)));
      const sampled = async (seed: number, surrogate: (noise: ChoiceWeights) => Tensor): Promise<number[][]> => {
        const rows: number[][] = [];
        for (let i = 0; i < n; i++) {
          const noise = layout.upload(reference, layout.draw(foldIn(key(seed), i), gumbels));
          const found = scope(() => grad(surrogate(noise), logits, { unused: 'zeros' }));
          rows.push((await Promise.all(found.map(async (g) => Array.from(await g.data())))).flat());
          for (const t of [...noise, ...found]) t.dispose();
        }
        return rows;
      };
      const relaxed = (noise: ChoiceWeights): ChoiceWeights =>
        logits.map((rows, m) => gumbelSoftmax(rows, { noise: noise[m]!, temperature }));
      const through = await sampled(plan.seed + 100, (noise) => cost.of(relaxed(noise)));
      const byScore = await sampled(plan.seed + 200, (noise) => {
        const value = noGrad(() => cost.of(relaxed(noise)));
        const logP = logits
          .map((rows, m) => sum(new RelaxedOneHotCategorical({ logits: rows, temperature }).logProb({ noise: noise[m]! })))
          .reduce((a, b) => add(a, b));
        return mul(logP, value);
      });
      const mean = (rows: readonly number[][], j: number): number => rows.reduce((t, row) => t + row[j]!, 0) / n;
      const error2 = (rows: readonly number[][], j: number): number =>
        rows.reduce((t, row) => t + (row[j]! - mean(rows, j)) ** 2, 0) / (n - 1) / n;
      for (let j = 0; j < layout.size; j++) {
        const z = (mean(through, j) - mean(byScore, j)) / Math.sqrt(error2(through, j) + error2(byScore, j) + 1e-24);
        expect(Math.abs(z)).toBeLessThan(4.5);
      }
      space.dispose();
    }, 4);
  });

  it('has a joint entropy that is that of the architectures which are computed, those that differ in what is not reached being one', async () => {
    await property(async (plan) => {
      const space = open(reference, plan);
      const { layout } = space;
      const total = layout.choices.reduce((n, { options }) => n * options.length, 1);
      fc.pre(total <= 2000);
      const places = space.places([4, 3]);
      const rows = layout.toRows(await Promise.all(simplex(space, plan.seed + 4).map((t) => t.data())));
      const mass = new Map<string, number>();
      for (let i = 0; i < total; i++) {
        let rest = i;
        const taken = layout.choices.map(({ options }) => {
          const option = rest % options.length;
          rest = Math.floor(rest / options.length);
          return option;
        });
        const reached = taken.map((option, c) =>
          places.some((p) => p.choice === c && p.path.every((s) => taken[s.choice] === s.option)) ? option : '-',
        );
        const name = reached.join(' ');
        mass.set(name, (mass.get(name) ?? 0) + taken.reduce((q, option, c) => q * rows[c]![option]!, 1));
      }
      const entropy = [...mass.values()].reduce((h, p) => (p > 0 ? h - p * Math.log(p) : h), 0);
      expect(jointEntropy(layout, rows, places)).toBeCloseTo(entropy, 9);
      space.dispose();
    });
  });

  it('is searched to the same bits captured and eager, and unbroken and resumed from its state after any step', async () => {
    await property(async (plan) => {
      const config: SearchConfig = {
        seed: plan.seed,
        epochs: 2,
        batchSize: 4,
        weights: { lr: 0.05, lrEnd: 0.01, momentum: 0.9, weightDecay: 1e-4, clip: 5 },
        architecture: { lr: 0.05, betas: [0.5, 0.999], weightDecay: 1e-3 },
        temperature: { start: 1, end: 0.3 },
        eta: 0,
        dropPath: 0.2,
        calibrationBatches: 1,
      };
      const data = { train: vectors(12, plan.seed), validation: vectors(8, plan.seed + 1) };
      const open = (eager: boolean): Search =>
        new Search(device, config, data, { space: randomNetwork(plan), task: regression, eager });
      const finish = async (search: Search): Promise<string> => {
        const figures: unknown[] = [];
        for await (const { imagesPerSecond: _speed, ...epoch } of search.run()) figures.push(epoch);
        const state = await search.state();
        const bits = Object.entries(state).map(([name, { data: numbers }]) => [name, Array.from(numbers as Float64Array)]);
        return JSON.stringify([bits, figures.at(-1)]);
      };
      const captured = open(false);
      const eager = open(true);
      const expected = await finish(captured);
      expect(await finish(eager)).toBe(expected);
      const stopAt = 1 + (plan.seed % 5);
      const broken = open(false);
      const stop = new AbortController();
      const afterStep = (step: number): void => {
        if (step === stopAt) stop.abort();
      };
      try {
        for await (const _epoch of broken.run({ signal: stop.signal, afterStep })) continue;
      } catch (error) {
        if (error !== stop.signal.reason) throw error;
      }
      const resumed = open(false);
      resumed.loadState(await broken.state());
      expect(await finish(resumed)).toBe(expected);
      for (const search of [captured, eager, broken, resumed]) search.dispose();
    }, 6);
  });
});

/** (1 - t) a + t b. */
function mix(a: Tensor, b: Tensor, t: number): Tensor {
  return noGrad(() => add(mul(a, 1 - t), mul(b, t)));
}
