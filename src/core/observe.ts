/** @file Somebody who looks at every operation that a device is asked for, while `locateNonFinite` runs; nobody otherwise, at no cost. */

/** The tensors are `Tensor`s, which this file, being below them, does not know. */
export interface Observer {
  /** An operation is about to run; what is returned is called once it has. */
  operation(op: string, inputs: readonly object[], outputs: readonly object[]): () => void;
  /** A node is added to the graph: its VJP, wrapped so that it tells whose backward pass it is. */
  backward<Vjp extends (...args: never[]) => unknown>(op: string, vjp: Vjp): Vjp;
}

/** Who looks; undefined almost always. */
export let observer: Observer | undefined;

/** Runs `body` with another observer, or with none. */
export function withObserver<T>(by: Observer | undefined, body: () => T): T {
  const before = observer;
  observer = by;
  try {
    return body();
  } finally {
    observer = before;
  }
}
