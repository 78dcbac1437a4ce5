/** @file Whether a function is run again, for its gradient alone: then what it changes outside of itself has been changed before. */
import type { Tensor } from './tensor.ts';

/** Memory that is older than this id is from outside. */
let since = Infinity;

/** Runs `body` again: memory that is older than an id is left as it is. */
export function recomputing<T>(from: number, body: () => T): T {
  const before = since;
  since = Math.min(since, from);
  try {
    return body();
  } finally {
    since = before;
  }
}

/** Whether a write to a tensor has been done, when this was computed first. */
export function isWritten(target: Tensor): boolean {
  return target.storage.born < since && since !== Infinity;
}
