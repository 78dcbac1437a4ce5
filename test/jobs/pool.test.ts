/** @file Answers that a pool of jobs keeps: used again if they are whole, and worked out again if a byte of them has changed. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, expect, it, vi } from 'vitest';
import { useFileSystem } from '../../src/files/system.ts';
import { cpu } from '../../src/index.ts';
import { runJobs, type SearchJob } from '../../src/jobs/index.ts';
import { threadsEach } from '../../src/jobs/pool.ts';
import { killedAt, type Operation, watched } from '../support/file-systems.ts';
import { writeIdxFolder } from '../support/idx-folder.ts';
import { flipped } from '../support/tiny-run.ts';
import { TINY } from '../support/tiny-search.ts';

const scratch = mkdtempSync(path.join(os.tmpdir(), 'reparam-pool-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const data = writeIdxFolder(path.join(scratch, 'data'), 64, 16);
const job: SearchJob = {
  strategy: 'random',
  config: { ...TINY, epochs: 1, network: { ...TINY.network, nodes: 1, cells: 1, classes: 10 } },
  data,
  trainImages: 16,
  validationImages: 8,
  frameEvery: 0,
};

it('keeps an answer whole or not at all, uses it again, and does a job again whose answer has changed', async () => {
  const cache = path.join(scratch, 'cache');
  const device = cpu({ dtype: 'float32' });
  const run = async (): Promise<{ kept: boolean; genotype: unknown }> => {
    const [finished] = await runJobs('search', [job], { device, cache, processes: 1 });
    return { kept: finished!.kept, genotype: finished!.answer.genotype };
  };
  const operations: Operation[] = [];
  let undo = useFileSystem(watched((operation) => void operations.push(operation)));
  const first = await run();
  undo();
  expect(first.kept).toBe(false);
  const temporary = operations.find(([name]) => name === 'create')![1];
  const [name] = readdirSync(cache);
  const cacheName = path.basename(cache);
  expect(operations.slice(-5).map((o) => o.join(' '))).toEqual([
    `create ${temporary}`,
    `write ${temporary}`,
    `flush ${temporary}`,
    `rename ${temporary} ${name}`,
    `flush-folder ${cacheName}`,
  ]);
  expect(await run()).toEqual({ ...first, kept: true });

  const file = path.join(cache, name!);
  const bytes = readFileSync(file);
  const stderr = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  try {
    for (const damaged of [flipped(bytes, 3), flipped(bytes, bytes.length - 3), bytes.subarray(0, 50)]) {
      writeFileSync(file, damaged);
      expect(await run()).toEqual(first);
      expect(stderr.mock.lastCall![0]).toMatch(/is damaged: the job that it is of is done again/);
    }
  } finally {
    stderr.mockRestore();
  }
  // What earlier versions kept: the answer alone.
  writeFileSync(file, JSON.stringify((JSON.parse(bytes.toString()) as { answer: unknown }).answer));
  expect(await run()).toEqual({ ...first, kept: true });

  rmSync(file);
  undo = useFileSystem(killedAt(3));
  await expect(run()).rejects.toThrow('killed');
  undo();
  expect(readdirSync(cache)).toHaveLength(1);
  expect(await run()).toEqual(first);
  expect(readdirSync(cache)).toEqual([name]);
}, 60_000);

it('the processes of a pool have no more threads together than there are processors', () => {
  vi.stubEnv('REPARAM_THREADS', '');
  const cores = os.availableParallelism();
  for (const processes of [1, 2, 3, 100]) {
    const each = threadsEach(processes);
    expect(each).toBe(Math.max(1, Math.floor(cores / processes)));
  }
  vi.stubEnv('REPARAM_THREADS', '1');
  expect(threadsEach(1)).toBe(1);
  vi.unstubAllEnvs();
});
