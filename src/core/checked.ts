/**
 * @file Values that live on a device and that an operation can only find wrong there: with `checked: true` each such operation notes the
 * first row that breaks its rule in a number on the device, and the next read-back reports it. Captured steps note it at every replay.
 */
import { OptionError } from '../contract/errors.ts';
import { noGrad } from './grad-mode.ts';
import { assign, greater, max, minimum, neg, reshape, where } from './ops.ts';
import { apply } from './primitive.ts';
import { scope } from './scope.ts';
import type { Tensor } from './tensor.ts';

/** What a flag holds while its rule is kept: above every row number. */
export const KEPT: number = 2 ** 40;

/**
 * Notes the first row of which `holds` [n] is not 1 under a message, in which {row} stands for its number. Call it where the device is
 * checked: it costs a few kernels.
 */
export function checkRows(message: string, holds: () => Tensor): void {
  noGrad(() => {
    scope(() => {
      const kept = reshape(holds(), [-1]);
      const { device } = kept;
      const rows = kept.size;
      if (rows === 0) return;
      const index = device.constant(`arange ${rows}`, () => ({ data: Array.from({ length: rows }, (_, i) => i), shape: [rows] }));
      const first = neg(max(neg(where(kept, KEPT, index)), 0, { keepDims: true }));
      const flag = device.flag(message);
      assign(flag, minimum(flag, first));
    });
  });
}

/** 1 for each row of indices [r, m] that all name elements of rows of n, else 0: [r]. */
export function namesElement(index: Tensor, n: number): Tensor {
  const probe = apply('take', {}, [index.device.zeros([index.shape[0]!, n]), index], index.shape);
  // Of zeros 0 is taken, or NaN, which is not below 1.
  return neg(max(neg(greater(1, probe)), 1));
}

/** The error for a flag that has been raised. */
export function brokenRule(message: string, row: number): OptionError {
  return new OptionError(message.replace('{row}', String(row)));
}
