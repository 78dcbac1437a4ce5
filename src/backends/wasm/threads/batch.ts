/** @file Calls as workers read them: lists of numbers in the memory that threads share. */
import type { Call } from '../runtime/calls.ts';
import type { Linker } from '../runtime/linker.ts';
import { CALL_HEAD } from './control.ts';

const BYTES = Float64Array.BYTES_PER_ELEMENT;

/** Bytes that `writeCalls` takes for these calls. */
export function callBytes(calls: readonly Call[]): number {
  return calls.reduce((sum, { parameters }) => sum + (1 + CALL_HEAD + parameters.length) * BYTES, 0);
}

/** Writes calls at an address, a multiple of 8: first where each begins, then the calls. */
export function writeCalls(linker: Linker, calls: readonly Call[], address: number): void {
  const words = new Float64Array(linker.heap.memory.buffer);
  const list = address / BYTES;
  let at = list + calls.length;
  for (const [i, { run, parameters, scratch }] of calls.entries()) {
    words[list + i] = at;
    words[at++] = linker.numberOf(run);
    words[at++] = scratch > 0 ? 1 : 0;
    words[at++] = parameters.length;
    for (const parameter of parameters) words[at++] = parameter;
  }
}
