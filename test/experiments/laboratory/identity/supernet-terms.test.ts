/** @file What is read of noisy means: without the bias that noise gives to lengths, with standard errors that cover. */
import { expect, it } from 'vitest';
import { SupernetTerms } from '../../../../experiments/laboratory/identity/supernet-terms.ts';
import { foldIn, key, normals } from '../../../../src/index.ts';

/** Terms of one choice of four options at two places: means as given, and noise as long as they are. */
function noisy(seed: number, samples: number): SupernetTerms {
  const terms = new SupernetTerms([0, 0], [4]);
  const gradient = [0.3, -0.1, -0.4, 0.2];
  for (let i = 0; i < samples; i++) {
    const z = normals(foldIn(key(seed), i), 40);
    const noise = (from: number, scale: number): number[] => gradient.map((_, k) => scale * z[from + k]!);
    const [a, b] = [noise(0, 0.5), noise(4, 0.5)];
    // score . held has the mean 0.25 x gradient at each place, so the slope of the choice is 0.5.
    const score = gradient.map((g) => 0.5 * g * z[39]! + 0);
    terms.add({
      loss: 1,
      score: [score],
      pathwise: [gradient.map((g, k) => g / 2 + a[k]!), gradient.map((g, k) => g / 2 - b[k]!)],
      held: [0.5 * z[39]! + z[38]!, 0.5 * z[39]! - z[37]!],
      place: [noise(8, 0.5).map((v, k) => v - 0.25 * gradient[k]!), noise(12, 0.5)],
      tied: [noise(16, 0.5), noise(20, 0.5).map((v, k) => v - 0.25 * gradient[k]!)],
      kinks: [noise(24, 0.5), noise(28, 0.5)],
      without: [2 * z[39]! + z[36]!],
    });
  }
  return terms;
}

it('slope, parts and rest are right in the mean, and 2 standard errors cover them in about 95 of 100 (60 repeats of 400 samples)', () => {
  const expected = { slope: 0.5, groupSlope: 1, place: -0.25, tied: -0.25, kinks: 0, rest: 0 } as const;
  const readings = Array.from({ length: 60 }, (_, seed) => noisy(seed, 400).choices([0]));
  for (const [name, target] of Object.entries(expected) as [keyof typeof expected, number][]) {
    const covered = readings.filter((r) => Math.abs(r[name]!.value - target) < 2.09 * r[name]!.error).length;
    // Binomial of 60 at 0.95: fewer than 50 has p 2e-4; ratios of noisy means are a little off.
    expect([name, covered >= 50]).toEqual([name, true]);
    const mean = readings.reduce((s, r) => s + r[name]!.value, 0) / 60;
    expect(Math.abs(mean - target)).toBeLessThan(0.1);
  }
  // The raw length of the mean would be that of its noise.
  const length = readings.reduce((s, r) => s + r.gradient.value, 0) / 60;
  expect(Math.abs(length - Math.hypot(0.3, 0.1, 0.4, 0.2))).toBeLessThan(0.012);
});

it('choices are ablated in turn, so that every block has each; what a block lacks is not taken for no effect', () => {
  const options = Array.from({ length: 10 }, () => 2);
  const measured = (pick: (terms: SupernetTerms, i: number) => number[]): number[] => {
    const terms = new SupernetTerms([...options.keys()], options);
    for (let i = 0; i < 200; i++) {
      const picked = pick(terms, i);
      const pair = options.map(() => [0.5, -0.5]);
      const zero = options.map(() => [0, 0]);
      const [z] = normals(foldIn(key(2), i), 1);
      terms.add({
        ...{ loss: 1, score: pair, pathwise: pair, held: options.map(() => 0), place: zero, tied: zero, kinks: zero },
        without: options.map((_, c) => (picked.includes(c) ? z! : undefined)),
      });
    }
    return options.map((_, c) => terms.choices([c]).groupSlope!.value);
  };
  expect(measured((terms) => terms.toAblate(8)).every(Number.isFinite)).toBe(true);
  // In step with the blocks: each choice is left out of a fifth of them.
  expect(measured((_, i) => Array.from({ length: 8 }, (__, a) => (8 * i + a) % 10)).every(Number.isNaN)).toBe(true);
});

it('by place the reading is of that place alone, and too few samples are refused', () => {
  const terms = noisy(1, 4000);
  const [first, second] = [terms.place(0), terms.place(1)];
  expect(Math.abs(first.place.value + 0.5)).toBeLessThan(4.5 * first.place.error);
  expect(Math.abs(second.place.value)).toBeLessThan(4.5 * second.place.error);
  expect(first.groupSlope).toBeUndefined();
  expect(() => noisy(1, 39).choices([0])).toThrow(/39 samples are too few; take 40/);
});
