/** @file Schedules as functions of progress: a number for each step, no state. */
import { OptionError } from '../contract/errors.ts';

/** Half a cosine from `start` to `end` as t goes from 0 to `total`; `end` afterwards. Loshchilov and Hutter, 2017. */
export function cosine(start: number, end: number, total: number): (t: number) => number {
  check('cosine', total);
  return (t) => end + 0.5 * (start - end) * (1 + Math.cos(Math.PI * Math.min(1, t / total)));
}

/** A straight line from `start` to `end` as t goes from 0 to `total`; `end` afterwards. */
export function linearSchedule(start: number, end: number, total: number): (t: number) => number {
  check('linearSchedule', total);
  return (t) => start + (end - start) * Math.min(1, t / total);
}

/** start * rate^t. */
export function exponential(start: number, rate: number): (t: number) => number {
  return (t) => start * rate ** t;
}

function check(op: string, total: number): void {
  if (!(total > 0)) throw new OptionError(`${op}: total ${total} must be > 0`);
}
