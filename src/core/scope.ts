/** @file Scopes free every tensor made inside them except what they return: no reference counts for the user. */
/// <reference lib="esnext.disposable" preserve="true" />
import { OptionError } from '../contract/errors.ts';
import { showValue } from '../contract/shape.ts';
import { type NotAsync, synchronous } from './synchronous.ts';
import { openScopes, Tensor } from './tensor.ts';

/**
 * Runs `body` and frees every tensor made inside, except those in its result (a tensor, or arrays, plain objects and Maps of
 * them, to any depth), parameters, and those given to `keep`. An async body does not type-check: tensors made after an
 * `await` would belong to whichever scope is open then. Read results outside: `await scope(() => loss).item()`.
 */
export function scope<T>(body: () => NotAsync<T>): T {
  const mine = new Set<Tensor>();
  openScopes.push(mine);
  let result: T;
  try {
    result = synchronous('scope', 'the body', body());
  } catch (error) {
    openScopes.pop();
    for (const tensor of mine) tensor.dispose();
    throw error;
  }
  openScopes.pop();
  for (const tensor of tensorsIn(result)) {
    if (mine.delete(tensor)) openScopes.at(-1)?.add(tensor);
  }
  for (const tensor of mine) tensor.dispose();
  return result;
}

/** Takes a tensor out of every open scope: it lives until it is disposed. Returns it. */
export function keep<T extends Tensor>(tensor: T): T {
  if (!(tensor instanceof Tensor)) throw new OptionError(`keep: ${showValue(tensor)} must be a tensor`);
  for (const made of openScopes) made.delete(tensor);
  return tensor;
}

/** All tensors in a value made of arrays, plain objects, Maps and Sets. */
export function tensorsIn(value: unknown, found: Set<Tensor> = new Set(), seen: Set<unknown> = new Set()): Set<Tensor> {
  if (value instanceof Tensor) {
    found.add(value);
  } else if (typeof value === 'object' && value !== null && !ArrayBuffer.isView(value) && !seen.has(value)) {
    seen.add(value);
    const inner: Iterable<unknown> =
      value instanceof Map || value instanceof Set || Array.isArray(value) ? value.values() : Object.values(value);
    for (const v of inner) tensorsIn(v, found, seen);
  }
  return found;
}

/**
 * A scope for code that cannot be one function (a REPL, an async loop): `using s = new Scope()`. It owns tensors given to
 * `track`, and frees them on `dispose()`.
 */
export class Scope {
  readonly #tensors = new Set<Tensor>();

  /** Owns every tensor in the value, and returns the value. */
  track<T>(value: T): T {
    for (const tensor of tensorsIn(value)) this.#tensors.add(keep(tensor));
    return value;
  }

  dispose(): void {
    for (const tensor of this.#tensors) tensor.dispose();
    this.#tensors.clear();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
