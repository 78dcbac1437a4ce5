/** @file Bodies that must be done when they return: a promise or a generator from one is refused. */
import { OptionError, type ReparamError } from '../contract/errors.ts';

/** The result of a synchronous body: an async one does not type-check. */
export type NotAsync<T> = T extends PromiseLike<unknown> ? never : T;

/**
 * The result of a body that runs inside a state (a scope, a grad mode, a capture) which ends with it. What an async body does after its
 * first `await`, and a generator from its start, would run in whatever state is there by then.
 */
export function synchronous<T>(
  op: string,
  what: string,
  result: T,
  Failure: new (message: string) => ReparamError = OptionError,
): T {
  if (typeof result !== 'object' || result === null) return result;
  const kind = Object.prototype.toString.call(result);
  if (kind === '[object Generator]' || kind === '[object AsyncGenerator]') {
    throw new Failure(`${op}: ${what} returned a generator, whose body runs after ${op} has ended; use a plain function`);
  }
  if (typeof (result as { then?: unknown }).then !== 'function') return result;
  // The promise is given up; what it may still reject with (a freed tensor, for one) follows from the error below.
  Promise.resolve(result).catch(() => undefined);
  throw new Failure(`${op}: ${what} returned a promise; ${op} is synchronous. Await outside of it`);
}
