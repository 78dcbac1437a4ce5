/** @file An experiment that is stopped by a signal: its children end with it, and the same command goes on to the unbroken result. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { writeIdxFolder } from '../../../support/idx-folder.ts';

const root = fileURLToPath(new URL('../../../../', import.meta.url));
const scratch = mkdtempSync(path.join(tmpdir(), 'reparam-experiment-stop-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const data = writeIdxFolder(path.join(scratch, 'data'), 128, 32);

/** Starts an experiment of three searches, two at a time. */
function start(out: string): ReturnType<typeof spawn> {
  const loader = ['--import', path.join(root, 'node_modules/tsx/dist/loader.mjs'), path.join(root, 'experiments/figures/main.ts')];
  const args = `fig11 --scale smoke --seeds 0 --jobs 2 --device cpu --data ${data} --out ${out}`.split(' ');
  const env = { ...process.env, TSX_TSCONFIG_PATH: path.join(root, 'tsconfig.json') };
  return spawn(process.execPath, [...loader, ...args], { cwd: scratch, env, stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Processes of a pool that work in this test's folder. */
function workers(): string[] {
  const { stdout } = spawnSync('ps', ['-eo', 'pid,args'], { encoding: 'utf8' });
  const lines = stdout.split('\n').filter((line) => line.includes('jobs/worker.'));
  return lines.filter((line) => {
    const pid = line.trim().split(' ')[0]!;
    return spawnSync('readlink', [`/proc/${pid}/cwd`], { encoding: 'utf8' }).stdout.trim() === scratch;
  });
}

it('ends with its children and the exit code of the signal, keeps what is finished, and goes on to the same result', async () => {
  const first = start('out');
  let out = '';
  let err = '';
  let sent = false;
  first.stderr!.on('data', (chunk: Buffer) => (err += chunk.toString()));
  first.stdout!.on('data', (chunk: Buffer) => {
    out += chunk.toString();
    if (sent || !out.includes('1 of 3: ')) return;
    sent = true;
    first.kill('SIGTERM');
  });
  expect(await once(first, 'exit'), err).toEqual([143, null]);
  expect(err).toContain('stopping (SIGTERM): what is finished is kept');
  expect(err).not.toContain('    at ');
  expect(workers()).toEqual([]);
  // The folder is made before the work; nothing is in it before there is a result.
  expect(readdirSync(path.join(scratch, 'out'))).toEqual([]);
  const kept = readdirSync(path.join(scratch, 'runs/searches'));
  expect(kept.length).toBeGreaterThan(0);
  expect(kept.length).toBeLessThan(3);
  expect(await once(start('out'), 'exit')).toEqual([0, null]);
  rmSync(path.join(scratch, 'runs'), { recursive: true });
  expect(await once(start('whole'), 'exit')).toEqual([0, null]);
  const decided = (name: string): string =>
    readFileSync(path.join(scratch, name, 'fig11.json'), 'utf8').replaceAll(/"(seconds|secondsNow)": [\d.e-]+/g, '');
  expect(decided('out')).toBe(decided('whole'));
}, 240_000);
