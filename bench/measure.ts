/** @file Timing: medians and quartiles over runs within a time budget, each run waited for to its end. */
import type { Device } from '../src/index.ts';
import { type Spread, spread } from './statistics.ts';

export interface Budget {
  /** Milliseconds to measure for, and the least and the greatest number of runs. */
  readonly ms: number;
  readonly least: number;
  readonly most: number;
}

export interface Timing {
  /** Milliseconds of the first run, with what it compiles. */
  readonly first: number;
  readonly second: number;
  /** Milliseconds from start to end of the later runs. */
  readonly wall: Spread;
  /** Milliseconds until a run had been handed to the device. */
  readonly host: Spread;
  /** Processor milliseconds of the process, on all processors. */
  readonly cpu: Spread;
}

/** Two runs to warm up, then as many as the budget allows. */
export async function measure(device: Device, run: () => void, budget: Budget): Promise<Timing> {
  const times = { wall: [] as number[], host: [] as number[], cpu: [] as number[] };
  const once = async (): Promise<{ wall: number; host: number; cpu: number }> => {
    const cpu = process.cpuUsage();
    const start = performance.now();
    run();
    const host = performance.now() - start;
    await device.finish();
    const wall = performance.now() - start;
    const { user, system } = process.cpuUsage(cpu);
    return { wall, host, cpu: (user + system) / 1000 };
  };
  const { wall: first } = await once();
  const { wall: second } = await once();
  const start = performance.now();
  while (times.wall.length < budget.least || (times.wall.length < budget.most && performance.now() - start < budget.ms)) {
    const { wall, host, cpu } = await once();
    times.wall.push(wall);
    times.host.push(host);
    times.cpu.push(cpu);
  }
  return { first, second, wall: spread(times.wall), host: spread(times.host), cpu: spread(times.cpu) };
}
