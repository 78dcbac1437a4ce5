/** @file What stops a long run: an AbortSignal, declared here because only the DOM's and Node's types have that name. */

/** The part of an `AbortSignal` that a run looks at; any AbortSignal is one. */
export interface StopSignal {
  readonly aborted: boolean;
  /** What the run is stopped for. */
  readonly reason: unknown;
  throwIfAborted(): void;
}

/** One that also tells when it is aborted, as an `AbortSignal` does. */
export interface HeardSignal extends StopSignal {
  addEventListener(type: 'abort', listener: () => void): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}
