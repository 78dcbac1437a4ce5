/** @file expectGradient: checkGradFunction for a test, in any runner: it throws where it was called from. */
import { checkGradFunction } from './check-grad-function.ts';
import type { CheckGradFunctionOptions, GradFunctionReport } from './function-check.ts';
import type { Arbitrary } from './cases.ts';
import type { GradientRule } from './plain-function.ts';

/**
 * `await expectGradient(f, gradF, inputs)` in vitest, jest, node:test or any other runner: fails the test with the message of
 * `checkGradFunction`, whose arguments it takes, and the line of the test that called it.
 */
export async function expectGradient<const Args extends readonly unknown[], Output>(
  f: (...inputs: Args) => Output | Promise<Output>,
  gradient: ((...inputs: Args) => unknown) | GradientRule<Args, Output>,
  inputs: Args | Float64Array | Float32Array | Arbitrary<Args>,
  options: CheckGradFunctionOptions = {},
): Promise<GradFunctionReport> {
  // After the first await the caller is no longer on the stack, and runners show the line that is on top of it.
  const here: { stack?: string } = {};
  const { captureStackTrace } = Error as { captureStackTrace?: (target: object, above: unknown) => void };
  captureStackTrace?.(here, expectGradient);
  try {
    return await checkGradFunction(f, gradient, inputs, options);
  } catch (error) {
    const frames = here.stack?.replace(/^[^\n]*\n/, '');
    if (error instanceof Error && frames) error.stack = `${error.name}: ${error.message}\n${frames}`;
    throw error;
  }
}
