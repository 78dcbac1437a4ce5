/** @file Every line of the derivation holds where it is said to, breaks where it is said to break, and is mended by what is said to mend it. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  allAssumed,
  allSwitches,
  assumptions,
  derive,
  deriveBySampling,
  limitOfDerivation,
  singleSwitches,
  switchTitle,
  type Switches,
} from '../../../src/credit/index.ts';
import { cpu, key } from '../../../src/index.ts';

const device = cpu();

const switches: fc.Arbitrary<Switches> = fc.constantFrom(...allSwitches());

it('over random networks and settings every line that is said to hold does, and every other does with its mending term, 1e-5', async () => {
  await fc.assert(
    fc.asyncProperty(switches, fc.integer({ min: 1, max: 10_000 }), async (s, seed) => {
      const { lines } = await derive(device, { switches: s, seed });
      for (const line of lines) {
        // Most are below 1e-10; where the weights before the cross-entropy are large, the quadrature has poles near its path.
        const scale = 1 + Math.abs(line.left) + Math.abs(line.right);
        expect([line.name, Math.abs(line.mendedGap ?? line.gap) < 1e-5 * scale]).toEqual([line.name, true]);
      }
    }),
    { seed: 1, numRuns: 5, endOnFailure: true },
  );
});

it('for each assumption dropped by itself the first line that breaks is the one that uses it, by more than 0.01', async () => {
  const found: Record<string, string | undefined> = {};
  for (const s of singleSwitches) {
    const { firstBroken, lines } = await derive(device, { switches: s });
    found[switchTitle(s)] = firstBroken;
    const broken = lines.filter(({ holds }) => !holds);
    expect(lines.filter(({ gap }) => Math.abs(gap) > 0.01).map(({ name }) => name)).toEqual(broken.map(({ name }) => name));
  }
  expect(found).toEqual({
    none: undefined,
    autoregressive: 'places',
    tied: 'change of variables',
    perImage: undefined,
    kinks: 'change of variables',
    batchStatistics: 'statistics',
    crossEntropy: 'change of variables',
  });
});

it('a ReLU under a linear loss has a surface term alone, one behind cross-entropy a curvature as well', async () => {
  const mend = async (crossEntropy: boolean): Promise<Readonly<Record<string, number>>> => {
    const { lines, kinks } = await derive(device, { switches: { ...allAssumed, kinks: true, crossEntropy } });
    expect(kinks.length).toBeGreaterThan(0);
    return lines.find(({ name }) => name === 'change of variables')!.mend!;
  };
  const linear = await mend(false);
  expect(Math.abs(linear.curvature!)).toBeLessThan(1e-10);
  expect(Math.abs(linear.surface!)).toBeGreaterThan(0.01);
  const curved = await mend(true);
  expect(Math.abs(curved.curvature!)).toBeGreaterThan(0.001);
  expect(Math.abs(curved.surface!)).toBeGreaterThan(0.001);
});

it('with three operations the lines hold to 1e-7, and with two and three the quadrature tends to the enumeration of one-hot choices, 1e-3', async () => {
  const { lines } = await derive(device, { switches: { ...allAssumed, tied: true, crossEntropy: true }, operations: 3 });
  for (const line of lines) expect([line.name, Math.abs(line.mendedGap ?? line.gap) < 1e-7]).toEqual([line.name, true]);
  for (const operations of [2, 3]) {
    const { limit, enumerated, expected } = await limitOfDerivation(device, { switches: allAssumed, operations });
    expect(Math.abs(limit - enumerated)).toBeLessThan(1e-3);
    expect(Math.abs(expected[0]! - enumerated)).toBeGreaterThan(0.02);
  }
});

it('sampling agrees with the quadrature for 2, 3 and 4 operations: within 4 half-widths of the 95 % interval, N = 4,000, seed 3', async () => {
  for (const operations of [2, 3, 4]) {
    const options = { switches: { ...allAssumed, tied: true }, operations };
    const s = await deriveBySampling(device, options, 4000, key(3));
    const { lines } = await derive(device, options);
    const exact = (line: string): number => lines.find(({ name }) => name === line)!.right;
    const near = ([mean, low, high]: readonly [number, number, number], value: number): boolean =>
      Math.abs(mean - value) < 2 * (high - low);
    expect(near(s.path, exact('gradient inside'))).toBe(true);
    expect(near(s.reference, exact('reference'))).toBe(true);
    expect(near(s.published, exact('score'))).toBe(true);
  }
});

it('the settings are all 64 combinations, each once', () => {
  expect(new Set(allSwitches().map(switchTitle)).size).toBe(2 ** assumptions.length);
});
