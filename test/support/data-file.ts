/** @file Data files written by hand, and the error that a broken one gives. */
import { DataFormatError } from '../../src/contract/errors.ts';

export const file = (name: string, ...bytes: number[]): { name: string; bytes: Uint8Array } => ({
  name,
  bytes: Uint8Array.from(bytes),
});

/** The DataFormatError that a function throws. */
export function failure(run: () => unknown): DataFormatError {
  try {
    run();
  } catch (error) {
    if (error instanceof DataFormatError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}
