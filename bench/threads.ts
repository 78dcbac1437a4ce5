/** @file `npm run bench:threads`: the CPU device on one thread and on several, by turns in one process. */
import os from 'node:os';
import { parseArgs } from 'node:util';
import { cpu, type Device } from '../src/index.ts';
import { SNAS_STEPS, snasStep } from './snas-step.ts';
import { median, pairedRatios, spread } from './statistics.ts';
import { figure, mebibytes, table } from './table.ts';
import { TASKS } from './tasks.ts';
import { prepare } from './workloads.ts';

const USAGE = `npm run bench:threads -- [flags]
  --threads N     default 2; beside one thread
  --filter RE     tasks and steps, by name
  --rounds N      default 15; in each every device takes one turn
  --eager         steps that are not captured
`;
const { values } = parseArgs({
  options: {
    threads: { type: 'string', default: '2' },
    filter: { type: 'string', default: '' },
    rounds: { type: 'string', default: '15' },
    eager: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  process.stdout.write(USAGE);
  process.exit(0);
}
const pattern = new RegExp(values.filter);
const rounds = Number(values.rounds);
const threads = [1, Number(values.threads)];

interface Turn {
  readonly run: () => void;
  readonly dispose: () => void;
}

/** A step that the search takes, or a task. */
function turn(device: Device, name: string): Turn {
  const sizes = SNAS_STEPS[name];
  return sizes
    ? snasStep(device, sizes, values.eager)
    : prepare(
        device,
        TASKS.find((task) => task.name === name)!,
        !values.eager,
      );
}

/** Milliseconds of a turn: of as many runs as take ten or so. */
async function time(run: () => void, device: Device, runs: number): Promise<number> {
  const start = performance.now();
  for (let i = 0; i < runs; i++) run();
  await device.finish();
  return (performance.now() - start) / runs;
}

const load = os.loadavg().map((v) => v.toFixed(1));
process.stdout.write(
  `Node ${process.version}, ${os.cpus()[0]?.model}, ${os.availableParallelism()} processors, load ${load.join(' ')}\n`,
);
const rows: string[][] = [];
for (const name of [...TASKS.map((task) => task.name), ...Object.keys(SNAS_STEPS)].filter((n) => pattern.test(n))) {
  const devices = threads.map((count) => cpu({ dtype: 'float32', threads: count }));
  const turns = devices.map((device) => turn(device, name));
  // Workers join in the first runs.
  const wait = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 100));
  for (let i = 0; i < 3; i++) {
    for (const { run } of turns) run();
    await wait();
  }
  const runs = Math.max(1, Math.min(200, Math.round(10 / (await time(turns[0]!.run, devices[0]!, 2)))));
  const times: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round++) {
    for (const i of round % 2 === 0 ? [0, 1] : [1, 0]) times[i]!.push(await time(turns[i]!.run, devices[i]!, runs));
  }
  const [one, several] = times;
  const { median: gain, lower: low, upper: high } = spread(pairedRatios(several, one));
  const memory = devices.map((device) => mebibytes(device.memory().bytes)).join(', ');
  rows.push([name, figure(median(one)), figure(median(several)), `${figure(gain)} (${figure(low)} to ${figure(high)})`, memory]);
  for (const { dispose } of turns) dispose();
  for (const device of devices) device.destroy();
}
process.stdout.write(`${table(['work', '1 thread, ms', `${threads[1]} threads, ms`, 'gain', 'MiB held'], rows)}\n`);
