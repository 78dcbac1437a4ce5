/**
 * @file A check on cases that a fast-check arbitrary draws, and shrinks where one fails. fast-check is loaded here alone, when it is used: whoever
 * has an arbitrary has fast-check.
 */
import type * as FastCheck from 'fast-check';
import { OptionError, ReparamError } from '../contract/errors.ts';
import type { CheckGradFunctionOptions, GradFunctionReport } from './function-check.ts';
import { GradientError } from './gradient-error.ts';
import { literal } from './structure.ts';
import { GradTally } from './tally.ts';

/** What a fast-check arbitrary is, as far as it matters here: `fc.Arbitrary<T>` is one. */
export interface Arbitrary<T> {
  generate(random: never, bias: number | undefined): { readonly value: T };
  canShrinkWithoutContext(value: unknown): boolean;
}

/** Whether inputs are an arbitrary of inputs. */
export function isArbitrary(inputs: unknown): inputs is Arbitrary<readonly unknown[]> {
  return (
    typeof inputs === 'object' &&
    inputs !== null &&
    typeof (inputs as Partial<Arbitrary<unknown>>).generate === 'function' &&
    typeof (inputs as Partial<Arbitrary<unknown>>).canShrinkWithoutContext === 'function'
  );
}

type CheckOne = (args: readonly unknown[], shrink: boolean, options: CheckGradFunctionOptions) => Promise<GradFunctionReport>;

/** Runs the check on cases until one fails, and then on smaller ones. The limit on unjudged derivatives is of all cases together. */
export async function checkCases(
  check: CheckOne,
  arbitrary: Arbitrary<readonly unknown[]>,
  name: string,
  options: CheckGradFunctionOptions,
): Promise<GradFunctionReport> {
  const { fc } = await import('./fast-check.ts');
  const tally = options.tally ?? new GradTally();
  const seed = options.seed ?? 0;
  const reports: GradFunctionReport[] = [];
  const property = fc.asyncProperty(arbitrary as unknown as FastCheck.Arbitrary<readonly unknown[]>, async (args) => {
    if (!Array.isArray(args) && !ArrayBuffer.isView(args))
      throw new OptionError(`${name}: the arbitrary must draw lists of f's arguments: fc.tuple(x, y), and fc.tuple(x) for one`);
    reports.push(await check(ArrayBuffer.isView(args) ? [args] : args, false, { tally }));
  });
  const run = async (): Promise<FastCheck.RunDetails<[readonly unknown[]]>> =>
    fc.check(property, {
      seed,
      numRuns: options.path === undefined ? (options.runs ?? 50) : 1,
      endOnFailure: options.shrink === false,
      ...(options.path === undefined ? {} : { path: options.path }),
    });
  const noCase = (cause?: unknown): OptionError =>
    new OptionError(
      `${name}: path ${options.path} leads to no case of this arbitrary and seed ${seed}; copy both from one message`,
      cause === undefined ? {} : { cause },
    );
  const details = await run().catch((cause: unknown) => {
    throw cause instanceof Error && cause.message.startsWith('Unable to replay') ? noCase(cause) : cause;
  });
  if (reports.length === 0 && !details.failed) throw noCase();
  if (details.failed) throw failed(details, await simplified(check, details, options), name, seed, options);
  if (!options.tally) tally.check(name);
  const most = (of: (r: GradFunctionReport) => number): number => reports.reduce((m, r) => Math.max(m, of(r)), 0);
  const sum = (of: (r: GradFunctionReport) => number): number => reports.reduce((m, r) => m + of(r), 0);
  const noisiest = reports.reduce((a, b) => (b.noise > a.noise ? b : a));
  return {
    derivatives: sum((r) => r.derivatives),
    hidden: sum((r) => r.hidden),
    nonSmooth: sum((r) => r.nonSmooth),
    worst: most((r) => r.worst),
    noise: noisiest.noise,
    precision: noisiest.precision,
    resolution: most((r) => r.resolution),
    cases: reports.length,
  };
}

/** A longer path is not printed: the inputs are. */
const PATH_LENGTH = 100;

/** fast-check shrinks what it has drawn; round numbers that it could not draw may be simpler still. */
async function simplified(
  check: CheckOne,
  details: FastCheck.RunDetails<[readonly unknown[]]>,
  { shrink = true }: CheckGradFunctionOptions,
): Promise<unknown> {
  const error: unknown = details.errorInstance;
  const args = details.counterexample?.[0];
  if (!shrink || !Array.isArray(args) || !(error instanceof GradientError && error.failure.fault === 'wrong')) return error;
  return check(args, true, { tally: new GradTally() }).then(
    () => error,
    (simpler: unknown) => (simpler instanceof GradientError ? simpler : error),
  );
}

function failed(
  details: FastCheck.RunDetails<[readonly unknown[]]>,
  error: unknown,
  name: string,
  seed: number,
  options: CheckGradFunctionOptions,
): unknown {
  const path = details.counterexamplePath ?? '';
  const by = options.replay ?? `the same call with { seed: ${seed}, path: '${path}' }`;
  if (error instanceof GradientError) {
    const { failure } = error;
    const short = path.length <= PATH_LENGTH;
    const replay = options.replay === undefined ? failure.replay + (short ? `  or  ${by}` : '') : `${by} --path ${path}`;
    return new GradientError({ ...failure, smallest: `${failure.smallest} (after ${details.numShrinks} shrinks)`, replay });
  }
  if (error instanceof ReparamError) return error;
  const inputs = details.counterexample ? literal(details.counterexample[0]) : '';
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return new ReparamError(`${name}: threw ${message}\n  smallest   ${inputs}\n  replay     ${by}`, { cause: error });
}
