/** @file The identity's terms on search spaces whose answer is known: a tied linear chain, a smooth network, one with kinks. */
import { expect, it } from 'vitest';
import { supernetSampler } from '../../../../experiments/laboratory/identity/supernet-samples.ts';
import { type Estimate, type IdentityReading, SupernetTerms } from '../../../../experiments/laboratory/identity/supernet-terms.ts';
import { add, cpu, foldIn, key, mean, normals, relu, tanh, type Tensor } from '../../../../src/index.ts';
import { Layer, Linear } from '../../../../src/nn/index.ts';
import { choice, networkContext, type Option, SearchSpace, type Task } from '../../../../src/snas/index.ts';

const SIZE = 3;
const EXAMPLES = 4;
const device = cpu();
const task: Task = { loss: (outputs) => mean(outputs), metric: (outputs) => mean(outputs) };

/** x -> f_last(... f_0(x)), each f a place of one choice of three linear options, followed by `after`. */
function chain(places: number, after: (x: Tensor) => Tensor, seed = 4): SearchSpace {
  class Chain extends Layer {
    readonly links: readonly Layer[];
    readonly head: Layer;

    constructor(seed: number) {
      super();
      const linear = (i: number, out: number, bias: boolean): Linear =>
        new Linear(device, foldIn(key(seed), i), SIZE, out, { bias });
      const options = (p: number): Record<string, Option> =>
        Object.fromEntries([0, 1, 2].map((k) => [`o${k}`, linear(10 * p + k, SIZE, after !== identity)]));
      this.links = Array.from({ length: places }, (_, p) => choice('link', options(p)));
      this.head = linear(99, 1, false);
    }

    override *children(): Iterable<readonly [string, Layer]> {
      for (const [i, link] of this.links.entries()) yield [`link${i}`, link];
      yield ['head', this.head];
    }

    forward(x: Tensor): Tensor {
      return this.head.forward(this.links.reduce((h, link) => after(link.forward(h)), x));
    }
  }
  return new SearchSpace(() => new Chain(seed), networkContext(device, key(0), { shape: [SIZE], classes: 1 }));
}

const identity = (x: Tensor): Tensor => x;
const logits = [[0.2, -0.1, 0.3]];
const batch = { images: device.tensor(normals(key(8), EXAMPLES * SIZE), [EXAMPLES, SIZE]), labels: device.zeros([EXAMPLES]) };

async function reading(space: SearchSpace, samples: number): Promise<IdentityReading> {
  const sampler = supernetSampler({ device, space, task, inputs: [EXAMPLES, SIZE] });
  const terms = new SupernetTerms(sampler.choices, [3]);
  for (let i = 0; i < samples; i++) terms.add(await sampler.sample(logits, 0.7, foldIn(key(5), i), batch, [0]));
  expect(terms.groupTest().p).toBeGreaterThan(1e-3);
  sampler.dispose();
  return terms.choices([0]);
}

/** Within 4.5 standard errors. */
const about = ({ value, error }: Estimate, target: number): boolean => Math.abs(value - target) < 4.5 * error;

it('on a chain of two tied linear places the published form is twice the gradient, all of it curvature between the places (N 800, seed 5)', async () => {
  const r = await reading(chain(2, identity), 800);
  expect(about(r.slope, 2)).toBe(true);
  expect(r.slope.value - 4.5 * r.slope.error).toBeGreaterThan(1);
  expect(about(r.groupSlope!, 1)).toBe(true);
  expect(about(r.place, 0)).toBe(true);
  expect(about(r.tied, 1)).toBe(true);
  expect(Math.abs(r.kinks.value)).toBeLessThan(0.02);
  expect(about(r.rest, 0)).toBe(true);
});

it('behind a ReLU with a linear loss there is no curvature: what the slope lacks to 1 are kinks (N 1,000, seed 5)', async () => {
  // The kinks are where O~ = -0.4, so that c . O~ jumps there.
  const r = await reading(
    chain(1, (x) => relu(add(x, 0.4))),
    1000,
  );
  expect(Math.abs(r.place.value)).toBeLessThan(1e-9);
  expect(r.tied.value).toBe(0);
  expect(Math.abs(r.kinks.value)).toBeGreaterThan(4.5 * r.kinks.error);
  expect(about(r.rest, 0)).toBe(true);
  expect(about(r.groupSlope!, 1)).toBe(true);
});

it('sample by sample: pathwise is the slope of the loss, place + tied the slope of Z . dL/dZ less pathwise, and a smooth network has no kinks', async () => {
  for (const places of [1, 2]) {
    const space = chain(places, tanh);
    const sampler = supernetSampler({ device, space, task, inputs: [EXAMPLES, SIZE], step: 1e-4 });
    const k = key(3);
    const at = (shift: number, component: number): ReturnType<typeof sampler.sample> =>
      sampler.sample([logits[0]!.map((l, i) => (i === component ? l + shift : l))], 0.7, k, batch, []);
    const here = await at(0, 0);
    const total = (rows: readonly (readonly number[])[], c: number): number => rows.reduce((s, row) => s + row[c]!, 0);
    const sum = (v: readonly number[]): number => v.reduce((a, b) => a + b, 0);
    for (const c of [0, 1, 2]) {
      const [up, down] = [await at(1e-5, c), await at(-1e-5, c)];
      expect(total(here.pathwise, c)).toBeCloseTo((up.loss - down.loss) / 2e-5, 7);
      const slope = (sum(up.held) - sum(down.held)) / 2e-5;
      expect(total(here.place, c) + total(here.tied, c)).toBeCloseTo(slope - total(here.pathwise, c), 7);
      expect(Math.abs(total(here.kinks, c))).toBeLessThan(1e-6);
    }
    sampler.dispose();
  }
});
