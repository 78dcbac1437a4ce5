/**
 * @file `npm run bench:peers`: reparam against jax-js, TensorFlow.js and PyTorch, alternating in one run, on the same shapes and data.
 *
 * A result that differs from ours is marked and not counted, and WebGPU work that a peer lost fails the command.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { cpus, loadavg, tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Command, type Comparison, type Outcome, play, Player } from './contest.ts';
import { ADAPTERS, adapterEnvironment } from './device.ts';
import type { Identity } from './serve.ts';
import { sameNorms, type Spread } from './statistics.ts';
import { figure, table } from './table.ts';
import { cpu } from '../src/index.ts';
import { describe, exchangeOf, SNAS_STEPS, snasStep } from './snas-step.ts';
import { type Task, TASKS } from './tasks.ts';

const USAGE = `npm run bench:peers -- [flags]
  --device webgpu|cpu        ours; default webgpu
  --adapter ${ADAPTERS.join('|')}   Vulkan driver of every WebGPU contestant; default: the system's
  --peers LIST               of jax, tfjs (on the same kind of device), torch, torch-2 (on two threads), reparam-2 (ours on two; else one), jax-webgpu, jax-wasm, tfjs-webgpu, tfjs-wasm;
                             default jax,tfjs, with torch and torch-2 on --device cpu
  --filter RE                tasks, by name
  --eager                    ours without recording the whole steps (jax-js runs everything under its jit)
  --rounds N                 samples of each, at most; default 7
  --budget MS                of a task, after its third round; default 20000
  --patience MS              for one answer of a contestant; default 120000
  --json FILE
`;
const { values } = parseArgs({
  options: {
    device: { type: 'string', default: 'webgpu' },
    adapter: { type: 'string', default: 'default' },
    peers: { type: 'string' },
    filter: { type: 'string', default: '' },
    eager: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '7' },
    budget: { type: 'string', default: '20000' },
    patience: { type: 'string', default: '120000' },
    json: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  process.stdout.write(USAGE);
  process.exit(0);
}

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const env = { XDG_RUNTIME_DIR: process.env['XDG_RUNTIME_DIR'] ?? tmpdir(), ...adapterEnvironment(values.adapter) };
const script = (label: string, file: string, ...args: string[]): Command => ({
  label,
  file: process.execPath,
  args: ['--import', 'tsx', here(file), ...args],
  env,
});

/** The first Python that has PyTorch. */
function python(): string {
  const candidates = [process.env['PYTHON'] ?? 'python3', '/usr/bin/python3'];
  const found = candidates.find((file) => spawnSync(file, ['-c', 'import torch, numpy']).status === 0);
  if (found === undefined) throw new Error(`no Python with torch and numpy among ${candidates.join(', ')}; name one in PYTHON`);
  return found;
}

function peerCommand(name: string): Command {
  const [library, backend = values.device === 'cpu' ? 'wasm' : 'webgpu'] = name.split('-');
  if ((library === 'jax' || library === 'tfjs') && (backend === 'webgpu' || backend === 'wasm')) {
    return script(`${library}-${backend}`, `peers/${library}.mjs`, backend);
  }
  if (name === 'reparam-2') return script(name, 'contestant.ts', 'cpu-2');
  if (library === 'torch' && /^[1-9]?$/.test(name.slice('torch-'.length))) {
    const threads = name.slice('torch-'.length) || '1';
    return { label: name, file: python(), args: [here('peers/pytorch.py'), threads], env: { ...env, OMP_NUM_THREADS: threads } };
  }
  throw new Error(`--peers ${name}: no such peer\n${USAGE}`);
}

function installPeers(): void {
  if (existsSync(here('peers/node_modules'))) return;
  process.stderr.write('installing the peers in bench/peers (once)\n');
  const npm = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--prefix', here('peers')], {
    cwd: here('peers'),
    stdio: 'inherit',
  });
  if (npm.status !== 0) throw new Error('npm ci in bench/peers failed');
}

/** Whether a peer computed what ours did. */
const agrees = (outcome: Outcome, { theirNorms }: Comparison): boolean => sameNorms(outcome.norms, theirNorms);

function rowsOf(outcome: Outcome): string[][] {
  const rows = outcome.comparisons.map((c) => {
    const mark = agrees(outcome, c) ? '' : ' *';
    const ratio = ({ median, min, max }: Spread): string => `${figure(median)} (${figure(min)} to ${figure(max)})${mark}`;
    return [outcome.task, c.peer, figure(c.ours.wall), figure(c.theirs.wall), ratio(c.wall), ratio(c.cpu)];
  });
  const none = Object.keys(outcome.absent).map((peer) => [
    outcome.task,
    peer,
    '',
    outcome.lost.includes(peer) ? 'GPU error' : 'none',
    '',
    '',
  ]);
  return [...rows, ...none];
}

/** How often ours is `factor` times faster than every one of these peers that computed the same. */
function summary(outcomes: readonly Outcome[], who: string, among: (peer: string) => boolean, factor: number): string {
  const rivals = outcomes.map((o) => o.comparisons.filter((c) => among(c.peer) && agrees(o, c))).filter((cs) => cs.length > 0);
  const count = (what: 'wall' | 'cpu'): number => rivals.filter((cs) => cs.every((c) => c[what].median >= factor)).length;
  return rivals.length === 0
    ? `Against ${who}: nothing to compare.`
    : `Against ${who}, at least ${factor} times as fast: ${count('cpu')} of ${rivals.length} by CPU time, ${count('wall')} by wall time.`;
}

/** The whole SNAS step, which PyTorch alone takes too, from the numbers in a file. */
const STEP = 'snas_step_c4_3cells_32';
const folder = mkdtempSync(path.join(tmpdir(), 'reparam-peers-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
const wholeStep: Task = {
  name: STEP,
  operation: 'snasStep',
  direction: 'step',
  dilation: 1,
  inputs: [],
  sizes: describe(SNAS_STEPS[STEP]!),
  exchange: path.join(folder, `${STEP}.json`),
};
const everything = [...TASKS, wholeStep];
const tasks = everything.filter(({ name }) => new RegExp(values.filter).test(name));
if (tasks.length === 0) throw new Error(`--filter ${values.filter}: no task of ${everything.map((t) => t.name).join(', ')}`);
if (tasks.includes(wholeStep)) {
  const device = cpu({ dtype: 'float32' });
  const step = snasStep(device, SNAS_STEPS[STEP]!, true);
  await writeFile(wholeStep.exchange!, JSON.stringify(await exchangeOf(step, SNAS_STEPS[STEP]!)));
  step.dispose();
  device.destroy();
}
const names = (values.peers ?? (values.device === 'cpu' ? 'jax,tfjs,torch,torch-2' : 'jax,tfjs')).split(',');
if (names.some((name) => !/^(torch|reparam)/.test(name))) installPeers();
const patience = Number(values.patience);
const ours = new Player(
  script('reparam', 'contestant.ts', values.device === 'cpu' ? 'cpu-1' : values.device, ...(values.eager ? ['eager'] : [])),
  patience,
);
const peers = names.map((name) => new Player(peerCommand(name), patience));
const all = [ours, ...peers];

let interrupted = false;
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    interrupted = true;
    for (const player of all) player.stop();
  });
}

/** Plays the tasks; what is done by then is told when it is interrupted. */
async function contest(save: (outcomes: readonly Outcome[]) => Promise<void>): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const task of tasks) {
    try {
      const outcome = await play(task, ours, peers, { rounds: Number(values.rounds), budget: Number(values.budget) });
      if (interrupted) break;
      outcomes.push(outcome);
    } catch (error) {
      if (interrupted) break;
      throw error;
    }
    for (const row of rowsOf(outcomes.at(-1)!)) process.stderr.write(`${row.join('  ')}\n`);
    await save(outcomes);
  }
  return outcomes;
}

function report(outcomes: readonly Outcome[]): void {
  const say = (line: string): void => void process.stdout.write(`${line}\n`);
  say(`${table(['task', 'peer', 'ours, ms', 'theirs, ms', 'wall time', 'CPU time'], outcomes.flatMap(rowsOf))}\n`);
  const isTorch = (peer: string): boolean => peer.startsWith('torch');
  const oneThread = (peer: string): boolean => peer === 'torch';
  for (const factor of [3, 1])
    say(summary(outcomes, 'the best JavaScript peer', (peer) => !isTorch(peer) && peer !== 'reparam-2', factor));
  if (names.includes('torch')) for (const factor of [1, 0.5]) say(summary(outcomes, 'PyTorch on one thread', oneThread, factor));
  for (const o of outcomes) {
    for (const [peer, why] of Object.entries(o.absent)) say(`${o.task}, ${peer}: ${why}`);
    for (const c of o.comparisons.filter((c) => !agrees(o, c))) {
      const [theirs, ours] = [c.theirNorms, o.norms].map((norms) => norms.map(figure).join(' '));
      say(`* ${o.task}, ${c.peer}: another result, so not counted; norms ${theirs}, ours ${ours}`);
    }
    if (o.comparisons.length > 1 && !o.comparisons.some((c) => agrees(o, c))) {
      say(`${o.task}: no peer confirms our result`);
      process.exitCode = 1;
    }
    if (o.lost.length > 0) process.exitCode = 1;
  }
}

try {
  const identities: Identity[] = [];
  for (const player of all) identities.push(await player.identity());
  const versions = identities.map(({ name, version, on }) => `${name} ${version} (${on})`);
  const machine = `${cpus().length} x ${cpus()[0]?.model.trim() ?? 'processor unknown'}, load ${loadavg()[0]!.toFixed(1)}`;
  const date = new Date().toISOString().slice(0, 10);
  process.stdout.write(
    `${date}; Node ${process.version}; ${machine}; ${versions.join('; ')}.\nMilliseconds are medians; ratios are theirs over ours, median (least to greatest), above 1 ours is faster.\n\n`,
  );
  const { device, adapter, json } = values;
  const save = async (outcomes: readonly Outcome[]): Promise<void> => {
    const all = { date, node: process.version, machine, device, adapter, identities, outcomes };
    if (json !== undefined) await writeFile(json, `${JSON.stringify(all, undefined, 2)}\n`);
  };
  report(await contest(save));
} finally {
  for (const player of all) player.stop();
}
