/** @file What stops a long run: an AbortSignal, declared here because only the DOM's and Node's types have that name. */

/** The part of an `AbortSignal` that a run looks at; any AbortSignal is one. */
export interface StopSignal {
  readonly aborted: boolean;
  /** What the run is stopped for. */
  readonly reason: unknown;
  throwIfAborted(): void;
}
