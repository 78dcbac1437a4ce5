/** @file What is asked of and told by a process that measures one SNAS step. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Timing } from './measure.ts';

export interface StepRequest {
  readonly step: string;
  readonly device: string;
  readonly eager: boolean;
  /** Milliseconds to measure for. */
  readonly budget: number;
}

export interface StepReport {
  readonly adapter: string;
  readonly timing: Timing;
  /** Milliseconds from opening the device to the end of the first step. */
  readonly startUp: number;
  /** Of those, recording the step and compiling its kernels; next to 0 in an eager search. */
  readonly warmUp: number;
  /** Compute pipelines compiled; none on the CPU device. */
  readonly pipelines?: number;
  /** Dispatches of one step; on the CPU device primitives and fused kernels. */
  readonly launches: number;
  /** Bytes on the device at most, live and kept for reuse. */
  readonly deviceBytes: number;
  /** Of the recorded step's intermediates: as they share memory, and if each had its own; 0 in an eager search. */
  readonly sharedBytes: number;
  readonly unsharedBytes: number;
  /** Bytes of the process at most. */
  readonly processBytes: number;
}

/** What the step's process tells instead where the device refuses the step, as too large for its memory. */
export interface StepRefusal {
  readonly refused: string;
}

export function measureStep(request: StepRequest): StepReport | StepRefusal {
  const script = fileURLToPath(new URL('step-process.ts', import.meta.url));
  const child = spawnSync(process.execPath, ['--import', 'tsx', script, JSON.stringify(request)], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (child.status !== 0) throw new Error(`${request.step}: the process ended with ${child.signal ?? `code ${child.status}`}`);
  return JSON.parse(child.stdout) as StepReport | StepRefusal;
}
