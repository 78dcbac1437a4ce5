/** @file Grad mode: whether operations add themselves to the graph now. */

import { type NotAsync, synchronous } from './synchronous.ts';

let pauses = 0;

/** Whether operations add nodes to the graph now. */
export function isGradEnabled(): boolean {
  return pauses === 0;
}

/** Runs `body`, which must be synchronous, without building a graph: what it computes cannot be differentiated. */
export function noGrad<T>(body: () => NotAsync<T>): T {
  return withGradMode('noGrad', false, body);
}

/** Runs `body`, which must be synchronous, with the graph being built, inside `noGrad` too. */
export function enableGrad<T>(body: () => NotAsync<T>): T {
  return withGradMode('enableGrad', true, body);
}

/** `enableGrad` or `noGrad`; `op` is what errors call it. @internal */
export function withGradMode<T>(op: string, on: boolean, body: () => T): T {
  const before = pauses;
  pauses = on ? 0 : before + 1;
  try {
    return synchronous(op, 'the body', body());
  } finally {
    pauses = before;
  }
}
