/**
 * @file `npm run bench:versus -- CHECKOUT`: this checkout against another one of this library, in turn, task by task: what a change costs.
 * A checkout against itself (`npm run bench:versus -- .`) shows how far the machine alone moves the ratios.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Comparison, type Outcome, play, Player } from './contest.ts';
import { ADAPTERS, adapterEnvironment } from './device.ts';
import { EDGE_TASKS } from './edge-tasks.ts';
import { ROOT } from './library.ts';
import { sameNorms, type Spread } from './statistics.ts';
import { figure, table } from './table.ts';
import { TASKS } from './tasks.ts';

const USAGE = `npm run bench:versus -- CHECKOUT [flags]
  CHECKOUT                    another checkout, with its own node_modules (npm ci)
  --device webgpu|cpu|cpu64   default cpu
  --adapter ${ADAPTERS.join('|')}   Vulkan driver; default: the system's
  --filter RE                 tasks, by name
  --sources                   both from their sources, by tsx, without building them
  --eager                     without recording the whole steps
  --rounds N                  pairs of samples of each task, at most; default 15
  --budget MS                 of a task, after its third round; default 6000
  --json FILE
`;
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    device: { type: 'string', default: 'cpu' },
    adapter: { type: 'string', default: 'default' },
    filter: { type: 'string', default: '' },
    eager: { type: 'boolean', default: false },
    sources: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '15' },
    budget: { type: 'string', default: '6000' },
    json: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
const [checkout] = positionals;
if (values.help || checkout === undefined) {
  process.stdout.write(USAGE);
  process.exit(values.help ? 0 : 2);
}
const other = path.resolve(checkout);
for (const needed of ['src/index.ts', 'node_modules', 'scripts/build.mjs']) {
  if (existsSync(path.join(other, needed))) continue;
  process.stderr.write(`${other} has no ${needed}: it must be a checkout of this repository after npm ci\n`);
  process.exit(2);
}
const all = [...TASKS, ...EDGE_TASKS];
const tasks = all.filter(({ name }) => new RegExp(values.filter).test(name));
if (tasks.length === 0) {
  process.stderr.write(`--filter ${values.filter}: no task of ${all.map((t) => t.name).join(', ')}\n`);
  process.exit(2);
}
for (const root of new Set([other, path.resolve(ROOT)])) {
  const script = values.sources ? 'scripts/shaders.mjs' : 'scripts/build.mjs';
  const { status } = spawnSync(process.execPath, [path.join(root, script)], { cwd: root, stdio: 'inherit' });
  if (status !== 0) process.exit(1);
}

const env = { XDG_RUNTIME_DIR: process.env['XDG_RUNTIME_DIR'] ?? tmpdir(), ...adapterEnvironment(values.adapter) };
const contestant = fileURLToPath(new URL('contestant.ts', import.meta.url));
const player = (label: string, root: string): Player => {
  const args = [
    '--import',
    'tsx',
    contestant,
    values.device,
    values.eager ? 'eager' : 'recorded',
    root,
    values.sources ? 'sources' : 'built',
  ];
  return new Player({ label, file: process.execPath, args, env }, 300_000);
};
// A ratio of a contest is the second player's time over the first one's.
const [before, now] = [player('before', other), player('now', ROOT)];

/** The same within the rounding of sums in another order. */
const agrees = (outcome: Outcome, { theirNorms }: Comparison): boolean => sameNorms(outcome.norms, theirNorms);
const ratio = ({ median, lower, upper }: Spread): string => `${figure(median)} (${figure(lower)} to ${figure(upper)})`;

function rowOf(outcome: Outcome): string[] {
  const [c] = outcome.comparisons;
  if (!c) return [outcome.task, '', '', outcome.absent['now'] ?? '', '', outcome.sizes];
  const mark = agrees(outcome, c) ? '' : ' *';
  return [outcome.task, figure(c.ours.cpu), figure(c.theirs.cpu), `${ratio(c.cpu)}${mark}`, ratio(c.wall), outcome.sizes];
}

try {
  const [was, is] = [await before.identity(), await now.identity()];
  const date = new Date().toISOString().slice(0, 10);
  process.stdout.write(`${date}; Node ${process.version}; ${is.on}${was.on === is.on ? '' : `, before ${was.on}`}.\n`);
  process.stdout.write(
    'Ratios are time now over time before, medians of pairs with their quartiles: above 1 it is slower now.\n\n',
  );
  const outcomes: Outcome[] = [];
  for (const task of tasks) {
    const effort = { rounds: Number(values.rounds), budget: Number(values.budget) };
    const outcome = await play(task, before, [now], effort).catch((error: unknown): undefined => {
      process.stdout.write(`${task.name}: not done before: ${error instanceof Error ? error.message : String(error)}\n`);
    });
    if (!outcome) continue;
    outcomes.push(outcome);
    process.stderr.write(`${rowOf(outcome).join('  ')}\n`);
    if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify({ date, was, is, outcomes }, undefined, 2)}\n`);
  }
  const head = ['task', 'before, ms CPU', 'now', 'CPU time', 'wall time', 'sizes'];
  process.stdout.write(`${table(head, outcomes.map(rowOf))}\n`);
  if (outcomes.some((o) => o.comparisons.some((c) => !agrees(o, c)))) process.stdout.write('\\* Another result than before.\n');
} finally {
  before.stop();
  now.stop();
}
