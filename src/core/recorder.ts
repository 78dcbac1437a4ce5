/** @file Somebody who notes every operation of a function that is run on shapes alone, while `recordShapes` runs; nobody otherwise. */

/** The tensors are `Tensor`s, which this file, being below them, does not know. */
export interface Recorder {
  /** An operation was asked for, and its operands fit. */
  operation(op: string, params: unknown, inputs: readonly object[], outputs: readonly object[]): void;
  /** An operation that is defined by a composite: what `body` asks for are its parts. Targets are what it changes in place. */
  composite<T>(op: string, params: unknown, inputs: readonly object[], body: () => T, targets?: readonly object[]): T;
}

/** Who notes; undefined almost always. */
export let recorder: Recorder | undefined;

/** Runs `body` with another recorder, or with none. */
export function withRecorder<T>(by: Recorder | undefined, body: () => T): T {
  const before = recorder;
  recorder = by;
  try {
    return body();
  } finally {
    recorder = before;
  }
}
