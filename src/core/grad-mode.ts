/** @file Grad mode: whether operations add themselves to the graph now. */

let pauses = 0;

/** Whether operations add nodes to the graph now. */
export function isGradEnabled(): boolean {
  return pauses === 0;
}

/** Runs `body` without building a graph: what it computes cannot be differentiated. */
export function noGrad<T>(body: () => T): T {
  pauses++;
  try {
    return body();
  } finally {
    pauses--;
  }
}

/** Runs `body` with the graph being built, inside `noGrad` too. */
export function enableGrad<T>(body: () => T): T {
  const before = pauses;
  pauses = 0;
  try {
    return body();
  } finally {
    pauses = before;
  }
}

/** `enableGrad` or `noGrad`. @internal */
export function withGradMode<T>(on: boolean, body: () => T): T {
  return on ? enableGrad(body) : noGrad(body);
}
