/** @file Timing: medians over runs within a time budget, each run waited for to its end. */
import type { Device } from '../src/index.ts';
import type { Workload } from './workloads.ts';

export interface Measurement {
  readonly work: string;
  readonly sizes: string;
  /** Milliseconds. */
  readonly first: number;
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly runs: number;
  readonly gflops?: number;
}

export interface Budget {
  /** Milliseconds to measure for, and the least number of runs. */
  readonly ms: number;
  readonly least: number;
  readonly most: number;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}

/** Two runs to warm up (the first is reported, with what it compiles), then as many as the budget allows. */
export async function measure(device: Device, workload: Workload, budget: Budget): Promise<Measurement> {
  const run = workload.prepare(device);
  const once = async (): Promise<number> => {
    const start = performance.now();
    run();
    await device.finish();
    return performance.now() - start;
  };
  const first = await once();
  await once();
  const times: number[] = [];
  const start = performance.now();
  while (times.length < budget.least || (times.length < budget.most && performance.now() - start < budget.ms))
    times.push(await once());
  const mid = median(times);
  return {
    work: workload.name,
    sizes: workload.sizes,
    first,
    median: mid,
    min: Math.min(...times),
    max: Math.max(...times),
    runs: times.length,
    ...(workload.flops !== undefined && { gflops: workload.flops / mid / 1e6 }),
  };
}
