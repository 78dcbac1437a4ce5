/** @file How a command hears that it should end: Ctrl-C, SIGTERM, a closed terminal, or output that nobody reads. */
/// <reference lib="esnext.disposable" preserve="true" />
import type { HeardSignal } from '../contract/stop-signal.ts';
import { EXIT } from './exit-codes.ts';

/** What may ask for the end, and the exit code of a command that then ends in order. */
const CODES = {
  SIGINT: EXIT.interrupted,
  SIGTERM: EXIT.terminated,
  SIGHUP: EXIT.hangUp,
  SIGPIPE: EXIT.brokenPipe,
};

export type StopReason = 'SIGINT' | 'SIGTERM' | 'SIGHUP' | 'SIGPIPE';

/** Those that come as signals. Windows has Ctrl-C alone and the closing of the window, which Node calls SIGHUP. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

let listening: StopRequest | undefined;

/** A pending end, asked for by anything in this process: what listens stops in order, and without one the process ends now. */
export function requestStop(reason: StopReason): void {
  if (listening) listening.request(reason);
  else process.exit(CODES[reason]);
}

/**
 * Listens while a command does work that should end in order. The first signal aborts `signal` and sets the process's exit code. At the same time
 * the system's own handling is put back, so that a second signal ends the process at once, whatever JavaScript is doing: nothing needs to be
 * tidied then, because files are written under other names and renamed, and a lock of a dead process is taken over.
 */
export class StopRequest {
  readonly #controller = new AbortController();
  readonly #say: (reason: StopReason) => void;
  readonly #hear = (signal: (typeof SIGNALS)[number]): void => this.request(signal);
  #reason: StopReason | undefined;

  private constructor(say: (reason: StopReason) => void) {
    this.#say = say;
    for (const signal of SIGNALS) process.on(signal, this.#hear);
  }

  /** Listens from now on. `say` is called once, with what asked for the end. */
  static listen(say: (reason: StopReason) => void): StopRequest {
    return (listening = new StopRequest(say));
  }

  /** Aborted when the work should end after what it is doing. */
  get signal(): HeardSignal {
    return this.#controller.signal;
  }

  /** What asked for the end; undefined while nothing has. */
  get reason(): StopReason | undefined {
    return this.#reason;
  }

  request(reason: StopReason): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.#ignore();
    process.exitCode = CODES[reason];
    this.#say(reason);
    this.#controller.abort(reason);
  }

  /** Stops listening. */
  [Symbol.dispose](): void {
    this.#ignore();
    if (listening === this) listening = undefined;
  }

  #ignore(): void {
    for (const signal of SIGNALS) process.off(signal, this.#hear);
  }
}
