/** @file The benchmark: its arithmetic, what it counts, the data that contestants share, and one run of the command. */
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { play, Player } from '../bench/contest.ts';
import { countStep, flopsOf } from '../bench/count.ts';
import { elementsOf, norm } from '../bench/data.ts';
import { exponent, line, pairedRatios, quantile, sameNorms, spread } from '../bench/statistics.ts';
import { EDGE_TASKS } from '../bench/edge-tasks.ts';
import { TASKS } from '../bench/tasks.ts';
import { prepare } from '../bench/workloads.ts';
import { cpu, type KernelOperand } from '../src/index.ts';
import { edgeCostTable, OPERATIONS } from '../src/snas/index.ts';

const root = fileURLToPath(new URL('../', import.meta.url));

describe('the arithmetic', () => {
  it('interpolates quantiles between order statistics', () => {
    expect([0, 0.25, 0.5, 0.75, 1].map((q) => quantile([4, 1, 3, 2], q))).toEqual([1, 1.75, 2.5, 3.25, 4]);
    expect(spread([5, 1, 9])).toEqual({ median: 5, lower: 3, upper: 7, min: 1, max: 9, count: 3 });
    expect(() => quantile([], 0.5)).toThrow('no values');
  });

  it('divides their samples by ours pair by pair, so that load which both felt cancels', () => {
    expect(spread(pairedRatios([1, 10, 2], [3, 30, 6]))).toMatchObject({ median: 3, min: 3, max: 3 });
    expect(() => pairedRatios([1], [1, 2])).toThrow('1 samples of ours, 2 of theirs');
  });

  it('finds the exponent of a power law, and a fixed cost beside a growing one', () => {
    expect(exponent([2, 3, 8, 20].map((x) => [x, 7 * x ** 1.7]))).toBeCloseTo(1.7, 12);
    expect(line([2, 11], [4, 17])).toEqual({ fixed: 5, each: 3 });
  });

  it('takes results for the same within the rounding of sums in another order, and no further', () => {
    expect(sameNorms([1, 200], [1.001, 200.1])).toBe(true);
    expect(sameNorms([1, 200], [1.01, 200])).toBe(false);
    expect(sameNorms([1], [1, 1])).toBe(false);
  });
});

describe('the tasks', () => {
  it('start from independent standard normals', () => {
    const values = elementsOf({ role: 'vector', shape: [200, 500], fill: 'normal', seed: 3, scale: 1, classes: 0 });
    const other = elementsOf({ role: 'vector', shape: [200, 500], fill: 'normal', seed: 4, scale: 1, classes: 0 });
    const mean = values.reduce((a, b) => a + b, 0) / values.length;
    const lag = values.reduce((sum, v, i) => sum + v * values[(i + 1) % values.length]!, 0) / values.length;
    const between = values.reduce((sum, v, i) => sum + v * other[i]!, 0) / values.length;
    // N = 100,000, four statistics of standard error 1/316 (1/447 for the norm), |z| < 4.
    for (const z of [mean, lag, between]) expect(Math.abs(z) * Math.sqrt(values.length)).toBeLessThan(4);
    expect(Math.abs(norm(values) / Math.sqrt(values.length) - 1) * Math.sqrt(2 * values.length)).toBeLessThan(4);
  });

  it('give the same result recorded as eager', async () => {
    const device = cpu({ dtype: 'float32' });
    for (const name of ['conv1_c16_32.fb', 'xent256x1000.fb', 'cnn28_step']) {
      const task = TASKS.find((t) => t.name === name)!;
      const [eager, captured] = [prepare(device, task, false), prepare(device, task, true)];
      const norms = await eager.check();
      expect(Math.min(...norms)).toBeGreaterThan(0);
      expect(await captured.check()).toEqual(norms);
      for (const p of [eager, captured]) p.dispose();
    }
  });
});

describe('the tasks at the edges', () => {
  it('compute what their names say, on lists of the host as on tensors', async () => {
    const device = cpu({ dtype: 'float32' });
    const found = new Map<string, number>();
    for (const task of EDGE_TASKS.filter(({ operation }) => operation !== 'snasStep')) {
      const prepared = prepare(device, task, false);
      const norms = await prepared.check();
      prepared.dispose();
      for (const value of norms) expect(value, task.name).toBeGreaterThan(0);
      found.set(task.name, norms[0]!);
    }
    // Each pair computes the same from the same numbers, of which some come from the host as lists; seeds differ.
    for (const [plain, other] of [
      ['take', 'take_rows'],
      ['put', 'put_rows'],
    ] as const) {
      expect(Math.abs(found.get(plain)! / found.get(other)! - 1)).toBeLessThan(0.05);
    }
  });
});

describe('the counts', () => {
  const operand = (...shape: number[]): KernelOperand => ({ shape, dtype: 'float32', handle: { byteLength: 0 } });

  it('count two flops for each tap, filter and output pixel, alike for the three partials of a convolution', () => {
    // x [2, 6, 9, 9], w [4, 3, 5, 5] in 2 groups, g [2, 4, 5, 5].
    const [x, w, g] = [operand(2, 6, 9, 9), operand(4, 3, 5, 5), operand(2, 4, 5, 5)];
    const products = 2 * (2 * 4 * 5 * 5) * (3 * 5 * 5);
    for (const [name, inputs, out] of [
      ['conv2d', [x, w], g],
      ['conv2dInput', [g, w], x],
      ['conv2dFilter', [x, g], w],
    ] as const) {
      expect(flopsOf({ name, params: {}, inputs, outputs: [out] })).toEqual([products, 0]);
    }
    const matmul = { name: 'matmul', inputs: [operand(7, 3), operand(7, 5)], outputs: [operand(3, 5)] };
    expect(flopsOf({ ...matmul, params: { transposeA: true, transposeB: false } })).toEqual([2 * 3 * 5 * 7, 0]);
  });

  it('agree with the cost table: forward, and once more for each of the two gradients', async () => {
    const sizes = { channels: 8, cells: 3, batch: 10, side: 8, inChannels: 3, stemStride: 1 } as const;
    const device = cpu({ dtype: 'float32' });
    const count = await countStep(device, sizes);
    const { cells } = edgeCostTable({ ...sizes, imageSide: 8, nodes: 4, classes: 10 });
    const isConvolution = (i: number): boolean => OPERATIONS[i % OPERATIONS.length]!.includes('conv');
    const multiplyAdds = cells
      .flatMap(({ costs }) => [...costs.flops].filter((_, i) => isConvolution(i)))
      .reduce((a, b) => a + b, 0);
    const ratio = count.productFlops / (2 * 3 * multiplyAdds * sizes.batch);
    // Above 1 by stem, cell inputs, strided skips and classifier, which the table leaves out.
    expect(ratio).toBeGreaterThan(1);
    expect(ratio).toBeLessThan(1.6);
  });
});

describe('a contest', () => {
  /** A process that answers as a contestant does. */
  const actor = (label: string, answers: Record<string, object>): Player => {
    const script = `const answers = ${JSON.stringify(answers)};
      require('readline').createInterface({ input: process.stdin }).on('line', (line) =>
        console.log('@answer ' + JSON.stringify({ gpuErrors: [], ...answers[JSON.parse(line).ask] })));`;
    return new Player({ label, file: process.execPath, args: ['-e', script], env: {} }, 20_000);
  };
  const prepared = { first: 9, warm: 1, norms: [2] };

  it('compares who answers, and says of the others why not and whose GPU work was lost', async () => {
    const players = {
      ours: actor('ours', { prepare: prepared, sample: { wall: 2, cpu: 4 } }),
      slow: actor('slow', { prepare: { ...prepared, norms: [3] }, sample: { wall: 6, cpu: 4 } }),
      unable: actor('unable', { prepare: { error: 'no gradient' } }),
      lossy: actor('lossy', { prepare: prepared, sample: { wall: 0.1, cpu: 0.1, gpuErrors: ['a binding is invalid'] } }),
      mortal: new Player({ label: 'mortal', file: process.execPath, args: ['-e', 'process.exit(3)'], env: {} }, 20_000),
    };
    const { ours, ...peers } = players;
    const outcome = await play(TASKS[0]!, ours, Object.values(peers), { rounds: 3, budget: 1000 });
    for (const player of Object.values(players)) player.stop();
    expect(outcome.comparisons).toHaveLength(1);
    expect(outcome.comparisons[0]).toMatchObject({
      peer: 'slow',
      theirNorms: [3],
      wall: { median: 3, count: 3 },
      cpu: { median: 1 },
    });
    expect(outcome.absent).toEqual({
      unable: 'no gradient',
      lossy: 'a binding is invalid',
      mortal: expect.stringContaining('code 3') as string,
    });
    expect(outcome.lost).toEqual(['lossy']);
  });
});

it('npm run bench measures a task and reports it as JSON', () => {
  const file = path.join(tmpdir(), `bench-${process.pid}.json`);
  const flags = ['--device', 'cpu', '--filter', '^xent', '--budget', '1', '--json', file];
  const child = spawnSync(process.execPath, ['--import', 'tsx', 'bench/run.ts', ...flags], { cwd: root, encoding: 'utf8' });
  expect(child.status, child.stderr).toBe(0);
  expect(child.stdout).toMatch(/\| xent256x1000\.fb \|\s+eager \|/);
  const report = JSON.parse(readFileSync(file, 'utf8')) as { tasks: readonly { timing: { wall: { count: number } } }[] };
  rmSync(file);
  expect(report).toMatchObject({ dtype: 'float32', node: process.version, steps: [] });
  expect(report.tasks.map((t) => t.timing.wall.count)).toEqual([5, 5]);
});

it('npm run bench:versus measures a task in two checkouts by turns, and refuses what is no checkout', () => {
  const versus = (...args: string[]): ReturnType<typeof spawnSync> =>
    spawnSync(process.execPath, ['--import', 'tsx', 'bench/versus.ts', ...args], { cwd: root, encoding: 'utf8' });
  const child = versus('.', '--sources', '--filter', '^(take|snas_step_c4.*)$', '--rounds', '3', '--budget', '1');
  expect(child.status, String(child.stderr)).toBe(0);
  expect(child.stdout).toMatch(/\| take +\|( +[\d.]+ \|){2} +[\d.]+ \([\d.]+ to [\d.]+\) \|/);
  expect(child.stdout).toMatch(/\| snas_step_c4_3cells_14 \|( +[\d.]+ \|){2}/);
  const none = versus(tmpdir());
  expect(none.status).toBe(2);
  expect(none.stderr).toContain('has no src/index.ts');
});
