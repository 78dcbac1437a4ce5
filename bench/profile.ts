/**
 * @file Where the time of a step goes, kernel by kernel. On the CPU device each call of a kernel is timed inside the captured step; on WebGPU
 * each dispatch of an eager step stands between two timestamps of the queue.
 */
import type { DeviceTimer } from '../src/contract/backend.ts';
import { type Device, type KernelOperand, Stopwatch } from '../src/index.ts';
import { median } from './statistics.ts';
import type { Step, Work } from '../src/backends/wasm/runtime/calls.ts';
import { figure, table } from './table.ts';

/** One kind of kernel. */
export interface ProfileRow {
  readonly kernel: string;
  /** Calls or dispatches of a step, and the milliseconds that they take together. */
  readonly calls: number;
  readonly milliseconds: number;
}

export interface Profile {
  readonly rows: readonly ProfileRow[];
  /** Milliseconds of the kernels, and of the step around them, measured in the same runs. */
  readonly kernels: number;
  readonly step: number;
  readonly clock: string;
}

type Operands = readonly KernelOperand[];

/** 'conv2d, depthwise 5 x 5, dilation 2' for convolutions, else the kernel's own name. */
function label(op: string, params: object, inputs: Operands, outputs: Operands): string {
  if (!op.startsWith('conv2d')) return op;
  const { groups, dilation } = params as { readonly groups: number; readonly dilation: readonly [number, number] };
  const [, , height, width] = (op === 'conv2dFilter' ? outputs[0]! : inputs[1]!).shape as [number, number, number, number];
  const kind = groups > 1 ? 'depthwise ' : '';
  return `${op}, ${kind}${height} x ${width}${dilation[0] > 1 ? `, dilation ${dilation[0]}` : ''}`;
}

/** What is added up for each kernel. */
class Tally {
  readonly #times = new Map<string, { calls: number; milliseconds: number }>();

  add(kernel: string, milliseconds: number): void {
    const time = this.#times.get(kernel) ?? { calls: 0, milliseconds: 0 };
    time.calls++;
    time.milliseconds += milliseconds;
    this.#times.set(kernel, time);
  }

  clear(): void {
    this.#times.clear();
  }

  /** The greatest first, for one of so many runs. */
  rows(runs: number): ProfileRow[] {
    return [...this.#times]
      .map(([kernel, { calls, milliseconds }]) => ({ kernel, calls: calls / runs, milliseconds: milliseconds / runs }))
      .sort((a, b) => b.milliseconds - a.milliseconds);
  }
}

/** Calls `named` with the name of each kernel that the device is asked for, just before. */
function watchNames({ backend }: Device, named: (name: string) => void): void {
  const { run, launch, fused } = backend;
  backend.run = (op, params, inputs, outputs) => {
    named(label(op, params, inputs, outputs));
    run.call(backend, op, params, inputs, outputs);
  };
  backend.launch = (kernel, inputs, outputs) => {
    named(kernel.name);
    launch.call(backend, kernel, inputs, outputs);
  };
  type Row = Record<'forward' | 'backward', (...parameters: unknown[]) => void>;
  for (const [name, row] of Object.entries(fused ?? {}) as [string, Row][]) {
    const { forward, backward } = row;
    row.forward = (...parameters) => {
      named(name);
      forward.apply(row, parameters);
    };
    row.backward = (...parameters) => {
      named(`${name}, backward`);
      backward.apply(row, parameters);
    };
  }
}

/** Profiles a float32 CPU device: `prepare` makes what runs a captured step, after the device is being watched. */
async function profileCpu(device: Device, prepare: () => Promise<() => void>, runs: number): Promise<Profile> {
  const tally = new Tally();
  let current = '';
  watchNames(device, (name) => (current = name));
  const timed = <P extends unknown[]>(kernel: string, run: (...parameters: P) => void) => {
    return (...parameters: P): void => {
      const start = performance.now();
      run(...parameters);
      tally.add(kernel, performance.now() - start);
    };
  };
  const around = (step: Step, kernel: string): Step =>
    'run' in step
      ? { run: timed(kernel, () => step.run()) }
      : { cost: step.cost, make: (ranges) => step.make(ranges).map((call) => ({ ...call, run: timed(kernel, call.run) })) };
  const backend = device.backend as unknown as { launchWork: (inputs: Operands, outputs: Operands, work: Work) => void };
  const { launchWork } = backend;
  backend.launchWork = (inputs, outputs, work) =>
    launchWork.call(
      device.backend,
      inputs,
      outputs,
      work.map((step) => around(step, current)),
    );
  const run = await prepare();
  run();
  await device.finish();
  tally.clear();
  let spent = 0;
  for (let i = 0; i < runs; i++) {
    const start = performance.now();
    run();
    await device.finish();
    spent += performance.now() - start;
  }
  const rows = tally.rows(runs);
  return { rows, kernels: rows.reduce((sum, { milliseconds }) => sum + milliseconds, 0), step: spent / runs, clock: 'wall' };
}

/** Milliseconds of what is submitted between two timestamps. */
async function timestamps(device: Device, work: () => void): Promise<number> {
  using stopwatch = new Stopwatch(device);
  const { milliseconds, clock } = await stopwatch.time(work);
  if (clock !== 'timestamps') throw new Error('--profile: this adapter has no timestamp queries, or they did not advance');
  return milliseconds;
}

/** Pairs of timestamps with nothing between them. */
const EMPTY_PAIRS = 101;

/**
 * Profiles WebGPU: `prepare` makes what runs an eager step. Every dispatch is submitted by itself, and what a submission without work takes
 * is taken off; the step that the sum is compared with runs as it always does.
 */
async function profileGpu(device: Device, prepare: () => Promise<() => void>): Promise<Profile> {
  const { backend } = device;
  const run = await prepare();
  run();
  const steps = [await timestamps(device, run), await timestamps(device, run), await timestamps(device, run)];
  const { launch } = backend;
  const between = (work: () => void): DeviceTimer => {
    const timer = backend.timer()!;
    timer.begin();
    work();
    timer.end();
    return timer;
  };
  const took = async (timer: DeviceTimer): Promise<number> => {
    const milliseconds = (await timer.elapsed()) / 1e6;
    timer.dispose();
    return milliseconds;
  };
  const empty: number[] = [];
  for (const timer of Array.from({ length: EMPTY_PAIRS }, () => between(() => undefined))) empty.push(await took(timer));
  const pending: { readonly kernel: string; readonly timer: DeviceTimer }[] = [];
  backend.launch = (kernel, inputs, outputs) => {
    const timer = between(() => {
      launch.call(backend, kernel, inputs, outputs);
      backend.flush();
    });
    pending.push({ kernel: kernel.name, timer });
  };
  run();
  await device.finish();
  backend.launch = launch;
  const tally = new Tally();
  for (const { kernel, timer } of pending) tally.add(kernel, Math.max(0, (await took(timer)) - median(empty)));
  const rows = tally.rows(1);
  const kernels = rows.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  return { rows, kernels, step: median(steps), clock: 'timestamps' };
}

export function profile(device: Device, prepare: (eager: boolean) => Promise<() => void>, runs = 20): Promise<Profile> {
  return device.kind === 'webgpu' ? profileGpu(device, () => prepare(true)) : profileCpu(device, () => prepare(false), runs);
}

export function showProfile({ rows, kernels, step, clock }: Profile): string {
  const share = (milliseconds: number): string => `${((100 * milliseconds) / step).toFixed(1)} %`;
  const lines = rows.map(({ kernel, calls, milliseconds }) => [
    kernel,
    figure(calls),
    figure(milliseconds),
    figure((1000 * milliseconds) / calls),
    share(milliseconds),
  ]);
  const sum = ['all kernels', figure(rows.reduce((n, { calls }) => n + calls, 0)), figure(kernels), '', share(kernels)];
  return `${table(['kernel', 'calls', `ms a step, ${clock}`, 'us a call', 'of the step'], [...lines, sum, ['the step', '', figure(step), '', '']])}\n`;
}
