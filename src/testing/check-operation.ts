/** @file Runs one operation of the registry: its derivatives in float64 against differences, its kernels against their bounds. */
import { fc } from './fast-check.ts';
import { cpu } from '../devices/cpu.ts';
import type { Device } from '../core/tensor.ts';
import { OptionError, ReparamError } from '../contract/errors.ts';
import { toTensor } from './arbitraries/values.ts';
import { checkGrads } from './check-grads.ts';
import { KernelTally, kernelErrors } from './kernel-error.ts';
import { type Operation, operations, type Sample } from './registry/index.ts';
import { GradTally } from './tally.ts';

export interface RunOptions {
  /** Draws the cases. */
  readonly seed: number;
  readonly runs: number;
  /** fast-check's path to one case of that seed: only it is run. */
  readonly path?: string;
  /** Cases to run first, whatever the seed. */
  readonly examples?: readonly Sample[];
  /** Whether to look for a smaller case once one has failed. Default true. */
  readonly shrink?: boolean;
}

/** A case that failed, after shrinking. */
export interface OperationFailure {
  readonly error: unknown;
  readonly message: string;
  readonly seed: number;
  readonly path: string;
  readonly sample: Sample;
  /** The command that runs it again or, for an operation that is not this library's, the options that do. */
  readonly replay: string;
}

export interface GradientReport {
  readonly tally: GradTally;
  readonly cases: number;
  readonly failure: OperationFailure | undefined;
}

export interface KernelReport {
  readonly tally: KernelTally;
  readonly cases: number;
  readonly failure: OperationFailure | undefined;
}

/** Checks an operation's derivatives on `runs` small cases, to its order. */
export async function checkOperationGrads(op: Operation, options: RunOptions): Promise<GradientReport> {
  const tally = new GradTally();
  const device = cpu({ dtype: 'float64' });
  const { order } = op;
  if (order === 0) return { tally, cases: 0, failure: undefined };
  const outcome = await property(op, 'gradients', options, async (sample) => {
    const inputs = sample.inputs.map((value) => toTensor(device, value));
    const mine = new GradTally();
    try {
      await checkGrads((...xs) => op.run(xs, sample.params), inputs, {
        name: op.name,
        order,
        tally: mine,
        replay: caseCommand(op, sample),
        ...(op.wrt ? { wrt: op.wrt } : {}),
        ...(op.linear ? { linear: op.linear } : {}),
      });
    } finally {
      for (const x of inputs) x.dispose();
    }
    tally.merge(mine);
  });
  return { tally, ...outcome };
}

/**
 * Compares an operation's value and gradient on a device with float64, on `runs` large cases. A case fails beyond the proved
 * bound (n + 4) 2^-23 S; the tally keeps the largest error in units of 2^-24 S.
 */
export async function checkOperationKernel(op: Operation, device: Device, options: RunOptions): Promise<KernelReport> {
  const tally = new KernelTally();
  const outcome = await property(op, 'kernels', options, async (sample) => {
    const errors = await kernelErrors(op, sample, device);
    tally.add(errors);
    for (const e of errors) {
      if (!(e.units <= e.allowed)) {
        throw new ReparamError(
          [
            `${op.name}: ${e.what} is off by more than rounding explains, on ${device.name}`,
            `  element   ${e.element} of ${e.shape.join(' x ') || 'a scalar'}`,
            `  got       ${e.got}`,
            `  expected  ${e.expected}`,
            `  error     ${e.units.toPrecision(3)} units of 2^-24 sum |terms|, proved bound ${e.allowed}`,
            `  replay    ${caseCommand(op, sample)}`,
          ].join('\n'),
        );
      }
    }
  });
  return { tally, ...outcome };
}

async function property(
  op: Operation,
  part: 'gradients' | 'kernels',
  { seed, runs, path, examples = [], shrink = true }: RunOptions,
  body: (sample: Sample) => Promise<void>,
): Promise<{ cases: number; failure: OperationFailure | undefined }> {
  const check = async (): Promise<fc.RunDetails<[Sample]>> =>
    fc.check(fc.asyncProperty(op.samples(part === 'gradients' ? 'small' : 'large'), body), {
      seed,
      numRuns: runs + examples.length,
      endOnFailure: !shrink,
      examples: examples.map((sample): [Sample] => [sample]),
      ...(path === undefined ? {} : { path }),
    });
  const details = await check().catch((cause: unknown) => {
    throw badPath(op, path, cause);
  });
  if (!details.failed) return { cases: details.numRuns, failure: undefined };
  const [sample] = details.counterexample!;
  const at = details.counterexamplePath ?? '';
  return {
    cases: details.numRuns,
    failure: {
      error: details.errorInstance,
      message: details.errorInstance instanceof Error ? messageOf(details.errorInstance) : String(details.errorInstance),
      seed,
      path: at,
      sample,
      replay: replayBySeed(op, part, seed, at),
    },
  };
}

/** fast-check refuses a path that does not lead to a case with a stack of its own. */
function badPath(op: Operation, path: string | undefined, cause: unknown): unknown {
  if (path === undefined || !(cause instanceof Error && cause.message.startsWith('Unable to replay'))) return cause;
  return new OptionError(
    `${op.name}: path ${path} leads to no case of this operation and seed; copy --op, --only, --seed and --path from one message`,
    { cause },
  );
}

/** What reparam throws explains itself; anything else needs its stack. */
function messageOf(error: Error): string {
  return error instanceof ReparamError ? error.message : (error.stack ?? error.message);
}

function exactly(name: string): string {
  return `^${name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`;
}

/** Above this many characters a case is replayed by seed and path, and its numbers are not printed. */
const CASE_LENGTH = 4000;

function caseCommand(op: Operation, sample: Sample): string {
  const json = JSON.stringify(sample);
  if (json.length > CASE_LENGTH) return 'by seed and path';
  return operations.includes(op)
    ? `npx reparam gradcheck --op '${exactly(op.name)}' --case '${json}'`
    : `{ seed: 0, runs: 0, examples: [${json}] }`;
}

/** The command line knows this library's own operations; another's are run again with the same options. */
function replayBySeed(op: Operation, part: 'gradients' | 'kernels', seed: number, path: string): string {
  return operations.includes(op)
    ? `npx reparam gradcheck --op '${exactly(op.name)}' --only ${part} --seed ${seed} --path ${path}`
    : `{ seed: ${seed}, runs: 1, path: '${path}' }`;
}
