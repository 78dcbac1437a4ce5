/** @file The largest and smallest of numbers, however many: a spread into Math.max holds as many as the stack has room for. */

/** The largest of them, NaN if there is one, -Infinity of none. */
export function largestOf(values: Iterable<number>, least: number = -Infinity): number {
  let top = least;
  for (const value of values) top = Math.max(top, value);
  return top;
}

/** The smallest of them, NaN if there is one, Infinity of none. */
export function smallestOf(values: Iterable<number>): number {
  let bottom = Infinity;
  for (const value of values) bottom = Math.min(bottom, value);
  return bottom;
}

/** The Euclidean length of a vector, scaled so that squares neither overflow nor vanish. */
export function lengthOf(values: Iterable<number>): number {
  const list = Array.from(values, Math.abs);
  const scale = largestOf(list, 0);
  if (scale === 0 || !Number.isFinite(scale)) return scale;
  let sum = 0;
  for (const value of list) sum += (value / scale) ** 2;
  return scale * Math.sqrt(sum);
}
