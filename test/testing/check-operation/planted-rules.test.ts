/** @file Wrong derivative rules behind right values: the gradient checker finds every one of them. */
import { expect, it } from 'vitest';
import { GradientError } from '../../../src/testing/index.ts';
import { checkOperationGrads, operations } from '../../../src/testing/properties/index.ts';
import { plantedRules } from '../../support/planted/index.ts';

const RUNS = 60;
const SEED = 20190503;

it(`each of ${plantedRules.length} planted wrong rules is found by the checker that passes the right ones`, async () => {
  const survivors: string[] = [];
  const foundAt: { wrong: string; order: number }[] = [];
  const faults = new Map<string, number>();
  for (const rule of plantedRules) {
    const right = operations.find((op) => op.name === rule.of);
    if (!right) throw new Error(`no operation ${rule.of}`);
    // Without its `linear` sets: the differences alone have to find it.
    const { linear: _, ...rest } = right;
    const { failure } = await checkOperationGrads({ ...rest, run: rule.run }, { seed: SEED, runs: RUNS, shrink: false });
    const error = failure?.error;
    if (error instanceof GradientError) {
      const { fault, order } = error.failure;
      faults.set(`${fault}, order ${order}`, (faults.get(`${fault}, order ${order}`) ?? 0) + 1);
      foundAt.push({ wrong: rule.wrong, order });
    } else {
      survivors.push(`${rule.of}: ${rule.wrong}${failure ? ` (${failure.message})` : ''}`);
    }
  }
  const killed = plantedRules.length - survivors.length;
  console.log(
    `planted wrong rules: ${killed} of ${plantedRules.length} killed (${[...faults].map(([kind, n]) => `${n} ${kind}`).join('; ')})`,
  );
  expect(survivors).toEqual([]);
  expect(killed).toBeGreaterThanOrEqual(40);
  // Those planted in the second or third derivative alone pass all checks before it.
  const planted = foundAt.map(({ wrong, order }) => ({
    wrong,
    order,
    plantedAt: Number(/only order (\d)/.exec(wrong)?.[1] ?? order),
  }));
  expect(planted.filter(({ order, plantedAt }) => order !== plantedAt)).toEqual([]);
  expect(planted.filter(({ plantedAt }) => plantedAt > 1).length).toBeGreaterThanOrEqual(10);
});
