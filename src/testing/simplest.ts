/** @file The simplest inputs near given ones at which a derivative is still wrong: zeros, ones and short numbers instead of long ones. */
import type { Culprit } from './function-check.ts';
import type { PlainFunction } from './plain-function.ts';

/** More numbers than this are left as they are. */
const NUMBERS = 64;
/** So many points are tried. */
const TRIES = 150;

/** Makes one number after the other simpler, as long as the derivative stays wrong there in the same way. */
export async function simplest(
  f: PlainFunction,
  fault: (point: readonly Float64Array[]) => Promise<Culprit | undefined>,
  culprit: Culprit,
): Promise<{ readonly point: readonly Float64Array[]; readonly culprit: Culprit }> {
  let best = { point: f.point, culprit };
  let tries = 0;
  const attempt = async (point: readonly Float64Array[]): Promise<boolean> => {
    tries++;
    // At a simpler point f may throw, or its derivative be of another kind: that is another matter.
    const found = await fault(f.store(point)).catch(() => undefined);
    if (found?.fault !== 'wrong' || Number.isFinite(found.analytic) !== Number.isFinite(culprit.analytic)) return false;
    best = { point: f.store(point), culprit: found };
    return true;
  };
  const total = f.point.reduce((n, x) => n + x.length, 0);
  if (total > NUMBERS) return best;
  for (const round of [simpler, simpler]) {
    for (const [k, x] of f.point.entries()) {
      for (let i = 0; i < x.length; i++) {
        for (const value of round(best.point[k]![i]!)) {
          if (tries >= TRIES) return best;
          const point = best.point.map((y) => y.slice());
          point[k]![i] = value;
          if (await attempt(point)) break;
        }
      }
    }
  }
  return best;
}

/** Simpler numbers than this one, the simplest first. */
function simpler(v: number): number[] {
  if (!Number.isFinite(v) || v === 0) return [];
  const sign = Math.sign(v);
  const candidates = [0, 1, sign, Math.trunc(v), Number(v.toPrecision(1)), Number(v.toPrecision(2)), Number(v.toPrecision(3))];
  const own = candidates.indexOf(v);
  return [...new Set(own < 0 ? candidates : candidates.slice(0, own))];
}
