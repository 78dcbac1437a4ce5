/** @file `npm run bench`: our side alone. Every task eager and recorded, and whole SNAS steps with their host time, memory and start-up. */
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { ADAPTERS, adapterEnvironment, openDevice } from './device.ts';
import { measure, type Timing } from './measure.ts';
import { type Profile, profile, showProfile } from './profile.ts';
import { describe, SNAS_STEPS, snasStep } from './snas-step.ts';
import { measureStep, type StepReport } from './step-report.ts';
import { figure, mebibytes, table } from './table.ts';
import { TASKS } from './tasks.ts';
import { prepare } from './workloads.ts';

const USAGE = `npm run bench -- [flags]
  --device webgpu|cpu|cpu64   default webgpu
  --adapter ${ADAPTERS.join('|')}   Vulkan driver; default: the system's
  --filter RE                 tasks and steps, by name
  --budget MS                 of each measurement; default 1500
  --profile                   of the steps: where their time goes, kernel by kernel, and no other figures
  --json FILE
`;
const { values } = parseArgs({
  options: {
    filter: { type: 'string', default: '' },
    device: { type: 'string', default: 'webgpu' },
    adapter: { type: 'string', default: 'default' },
    json: { type: 'string' },
    budget: { type: 'string', default: '1500' },
    profile: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  process.stdout.write(USAGE);
  process.exit(0);
}
Object.assign(process.env, adapterEnvironment(values.adapter));
const pattern = new RegExp(values.filter);
const tasks = TASKS.filter(({ name }) => pattern.test(name));
const steps = Object.keys(SNAS_STEPS).filter((name) => pattern.test(name));
if (tasks.length + steps.length === 0) {
  throw new Error(`--filter ${values.filter}: nothing of ${[...TASKS.map((t) => t.name), ...Object.keys(SNAS_STEPS)].join(', ')}`);
}
const ms = Number(values.budget);
const MODES = ['eager', 'captured'] as const;
const date = new Date().toISOString().slice(0, 10);
const device = await openDevice(values.device);
process.stdout.write(`${date}; ${device.name}, ${device.dtype}; Node ${process.version}. Medians; in brackets the quartiles.\n`);

if (values.profile) {
  const profiles: Record<string, Profile> = {};
  for (const name of steps) {
    // Calls are timed on the thread that makes them: all of them on one.
    const own = await openDevice(values.device === 'cpu' ? 'cpu-1' : values.device);
    const prepare = async (eager: boolean): Promise<() => void> => {
      const step = snasStep(own, SNAS_STEPS[name]!, eager);
      await step.search.warmUp();
      return step.run;
    };
    profiles[name] = await profile(own, prepare);
    process.stdout.write(`\n${name}: ${describe(SNAS_STEPS[name]!)}\n\n${showProfile(profiles[name])}`);
    own.destroy();
  }
  device.destroy();
  const report = { date, adapter: device.name, node: process.version, profiles };
  if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(report, undefined, 2)}\n`);
  process.exit();
}

interface TaskResult {
  readonly work: string;
  readonly mode: (typeof MODES)[number];
  readonly sizes: string;
  readonly gflops?: number;
  readonly timing: Timing;
}

async function measureTasks(): Promise<TaskResult[]> {
  const results: TaskResult[] = [];
  for (const task of tasks) {
    for (const mode of MODES) {
      const prepared = prepare(device, task, mode === 'captured');
      const timing = await measure(device, prepared.run, { ms, least: 5, most: 40 });
      prepared.dispose();
      const gflops = task.flops === undefined ? {} : { gflops: task.flops / timing.wall.median / 1e6 };
      results.push({ work: task.name, mode, sizes: task.sizes, ...gflops, timing });
    }
    process.stderr.write(`${task.name}\n`);
  }
  return results;
}

const quartiles = ({ wall }: Timing): string => `${figure(wall.median)} (${figure(wall.lower)} to ${figure(wall.upper)})`;
const taskRow = (r: TaskResult): string[] => [
  r.work,
  r.mode,
  quartiles(r.timing),
  figure(r.timing.cpu.median),
  figure(r.timing.first),
  r.gflops === undefined ? '' : figure(r.gflops),
  r.sizes,
];

interface StepResult extends StepReport {
  readonly work: string;
  readonly mode: (typeof MODES)[number];
  readonly sizes: string;
  /** Host microseconds a launch: median, and the least, which other processes disturbed least. */
  readonly hostMicroseconds: number;
  readonly leastHostMicroseconds: number;
}

function measureSteps(): StepResult[] {
  return steps.flatMap((work) =>
    MODES.flatMap((mode) => {
      const report = measureStep({ step: work, device: values.device, eager: mode === 'eager', budget: ms });
      process.stderr.write(`${work}, ${mode}\n`);
      if ('refused' in report) {
        process.stdout.write(`\n${work}, ${mode}: refused, ${report.refused}\n`);
        return [];
      }
      const { median, min } = report.timing.host;
      return [
        {
          work,
          mode,
          sizes: describe(SNAS_STEPS[work]!),
          hostMicroseconds: (median * 1000) / report.launches,
          leastHostMicroseconds: (min * 1000) / report.launches,
          ...report,
        },
      ];
    }),
  );
}

const stepRow = (r: StepResult): string[] => [
  r.work,
  r.mode,
  quartiles(r.timing),
  figure(r.timing.cpu.median),
  String(r.launches),
  // On the CPU device a launch has run when it returns.
  values.device === 'webgpu' ? `${figure(r.hostMicroseconds)} (${figure(r.leastHostMicroseconds)})` : '',
  mebibytes(r.deviceBytes),
  mebibytes(r.processBytes),
];
const startUpRow = (r: StepResult): string[] => [
  r.work,
  r.mode,
  figure(r.startUp),
  figure(r.warmUp),
  r.pipelines === undefined ? '' : String(r.pipelines),
  figure(r.timing.first),
  figure(r.timing.second),
];

const taskResults = await measureTasks();
if (taskResults.length > 0) {
  const head = ['task', 'mode', 'wall, ms', 'CPU, ms', 'first, ms', 'GFLOP/s', 'sizes'];
  process.stdout.write(`\n${table(head, taskResults.map(taskRow))}\n`);
}
const adapter = device.name;
const { dtype } = device;
device.destroy();
const stepResults = measureSteps();
if (stepResults.length > 0) {
  const head = ['step', 'mode', 'wall, ms', 'CPU, ms', 'launches', 'host, us a launch (least)', 'device, MiB', 'process, MiB'];
  process.stdout.write(`\n${table(head, stepResults.map(stepRow))}\n`);
  const start = [
    'start-up',
    'mode',
    'to the end of the first step, ms',
    'of it recording and compiling',
    'pipelines',
    'first step',
    'second step',
  ];
  process.stdout.write(`\n${table(start, stepResults.map(startUpRow))}\n`);
}
if (values.json !== undefined) {
  const report = { date, adapter, dtype, node: process.version, tasks: taskResults, steps: stepResults };
  await writeFile(values.json, `${JSON.stringify(report, undefined, 2)}\n`);
}
