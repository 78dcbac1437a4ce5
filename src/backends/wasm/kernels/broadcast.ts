/** @file Broadcasting reduced to few axes: neighbours that behave alike are merged, and axes of size 1 dropped. */
import type { Shape } from '../../../contract/shape.ts';

/** A run of axes of the output along which every operand either moves or stays. */
export interface Axis {
  readonly size: number;
  /** Elements from one index to the next, for each operand; 0 where it stays. */
  readonly strides: readonly number[];
}

/** The merged axes of `shape`, innermost first, under operands that broadcast to it. At least one. */
export function mergedAxes(shape: Shape, operands: readonly Shape[]): readonly Axis[] {
  const axes: { size: number; strides: number[]; moves: number }[] = [];
  const steps = operands.map(() => 1);
  for (let i = shape.length - 1; i >= 0; i--) {
    const size = shape[i]!;
    if (size === 1) continue;
    let moves = 0;
    operands.forEach((operand, k) => {
      if ((operand[i - shape.length + operand.length] ?? 1) !== 1) moves |= 1 << k;
    });
    const last = axes.at(-1);
    if (last && last.moves === moves) last.size *= size;
    else axes.push({ size, strides: steps.map((step, k) => (moves & (1 << k) ? step : 0)), moves });
    operands.forEach((_, k) => {
      if (moves & (1 << k)) steps[k]! *= size;
    });
  }
  return axes.length > 0 ? axes : [{ size: 1, strides: operands.map(() => 1) }];
}
