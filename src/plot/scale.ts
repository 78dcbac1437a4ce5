/** @file Axis scales: from data to pixels, linear or logarithmic, with ticks at round values. */
import { OptionError } from '../contract/errors.ts';

export type ScaleKind = 'linear' | 'log';

export interface Scale {
  /** Pixel position of a value. */
  readonly at: (value: number) => number;
  readonly ticks: readonly number[];
  /** Whether the value can be drawn on this scale. */
  readonly accepts: (value: number) => boolean;
}

/** A scale from the values that it must hold to the pixels [from, to]; of no values at all, an empty axis. */
export function makeScale(kind: ScaleKind, values: readonly number[], from: number, to: number): Scale {
  const accepts = (v: number): boolean => Number.isFinite(v) && (kind === 'linear' || v > 0);
  const usable = values.filter(accepts);
  if (values.length === 0) for (const end of kind === 'log' ? [1, 10] : [0, 1]) usable.push(end);
  if (usable.length === 0)
    throw new OptionError(`plot: no ${kind === 'log' ? 'positive ' : ''}finite value to draw on a ${kind} axis`);
  let low = Infinity;
  let high = -Infinity;
  for (const v of usable) {
    low = Math.min(low, v);
    high = Math.max(high, v);
  }
  return kind === 'log' ? logScale(low, high, from, to, accepts) : linearScale(low, high, from, to, accepts);
}

function linearScale(low: number, high: number, from: number, to: number, accepts: Scale['accepts']): Scale {
  if (low === high) {
    const room = Math.abs(low) || 1;
    low -= room / 2;
    high += room / 2;
  }
  const step = roundStep((high - low) / 5);
  const first = Math.floor(low / step + 1e-9);
  const last = Math.ceil(high / step - 1e-9);
  const ticks = Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
  const start = ticks[0]!;
  const end = ticks.at(-1)!;
  return { at: (v) => from + ((v - start) / (end - start)) * (to - from), ticks, accepts };
}

function logScale(low: number, high: number, from: number, to: number, accepts: Scale['accepts']): Scale {
  if (low === high) {
    low /= 2;
    high *= 2;
  }
  const decades = Math.log10(high / low);
  const mantissas = decades > 4 ? [1] : decades > 1.5 ? [1, 3] : [1, 2, 5];
  const ticks: number[] = [];
  for (let e = Math.floor(Math.log10(low)) - 1; e <= Math.ceil(Math.log10(high)); e++) {
    for (const m of mantissas) ticks.push(Number((m * 10 ** e).toPrecision(12)));
  }
  const a = Math.log(low) - 0.03 * Math.log(high / low);
  const b = Math.log(high) + 0.03 * Math.log(high / low);
  const inside = ticks.filter((t) => Math.log(t) >= a && Math.log(t) <= b);
  return {
    at: (v) => from + ((Math.log(v) - a) / (b - a)) * (to - from),
    ticks: inside.length > 1 ? inside : [low, high],
    accepts,
  };
}

/** The least of 1, 2, 5 times a power of ten that is at least `rough`. */
function roundStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough));
  return ([1, 2, 5, 10].find((m) => m * power >= rough * 0.999) ?? 10) * power;
}
