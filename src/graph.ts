/** @file The recorded graph: how each tensor was computed, and whether operations record themselves now. */
import type { Tensor } from './tensor.ts';

/** Cotangents of the inputs from the cotangent `g` of the output; entries that are not needed may be undefined. */
export type Vjp = (g: Tensor, needs: readonly boolean[]) => readonly (Tensor | undefined)[];

/** How a tensor was computed. */
export interface GraphNode {
  readonly op: string;
  readonly inputs: readonly Tensor[];
  /** Versions of the inputs when they were read. */
  readonly versions: readonly number[];
  readonly vjp: Vjp;
}

let pauses = 0;

/** Whether operations record themselves now. */
export function isRecording(): boolean {
  return pauses === 0;
}

/** Records nothing while `body` runs. */
export function noGrad<T>(body: () => T): T {
  pauses++;
  try {
    return body();
  } finally {
    pauses--;
  }
}

/** Runs `body` with recording on or off. @internal */
export function recordingAs<T>(on: boolean, body: () => T): T {
  if (!on) return noGrad(body);
  const before = pauses;
  pauses = 0;
  try {
    return body();
  } finally {
    pauses = before;
  }
}

/** Notes how `output` came from `inputs`. The list is copied: the caller's array may grow before the backward pass reads it. */
export function record(op: string, inputs: readonly Tensor[], output: Tensor, vjp: Vjp): void {
  output.node = { op, inputs: [...inputs], versions: inputs.map((t) => t.storage.version), vjp };
}
