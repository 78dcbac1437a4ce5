/** @file `reparam gradcheck`: the gradients and kernels of every operation, checked on this machine. */
import { largestOf } from '../../contract/extremes.ts';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { cpu } from '../../devices/cpu.ts';
import type { Device } from '../../core/tensor.ts';
import type { GradcheckOptions, OperationResult, Part } from '../../testing/gradcheck.ts';
import type { Sample } from '../../testing/registry/index.ts';
import { webgpu } from '../../devices/webgpu.ts';
import { moduleTarget } from '../../command/load-module.ts';
import { natural, seed } from '../../command/option-values.ts';
import { UsageError } from '../../command/usage-error.ts';
import type { FileFlags } from './gradcheck-file.ts';

interface Flags extends FileFlags {
  readonly op?: RegExp;
  readonly device: 'cpu' | 'webgpu';
  readonly case?: Sample;
  readonly only?: Part;
}

/** Registers `gradcheck`. */
export function registerGradcheck(program: Command): void {
  program
    .command('gradcheck')
    .description(
      'check every gradient of the library against differences in float64, and every kernel on the device against its error bound; or the ' +
        'derivative of your own function in a JavaScript or TypeScript module',
    )
    .argument(
      '[FILE#export]',
      'a module, and which of its exports: { f, gradF, inputs } (vjpF, jacobianF), or a function with --grad and --inputs',
    )
    .option('--grad <name>', "FILE's export that is the function's gradient")
    .option('--vjp <name>', "FILE's export that is its backward pass, vjpF(...inputs, cotangent)")
    .option('--jacobian <name>', "FILE's export that is its Jacobian")
    .option('--inputs <json>', "a list of the function's arguments, where FILE has none", inputList)
    .option('--op <regexp>', 'only operations whose name matches', regexp)
    .addOption(new Option('--device <name>', 'whose float32 kernels to check').choices(['cpu', 'webgpu']).default('cpu'))
    .option('--seed <n>', 'draws the cases', seed, 0)
    .option('--runs <n>', 'cases of each operation, for gradients and for kernels each', natural, 10)
    .option('--path <path>', "run one case only: fast-check's path, from a failure's message", casePath)
    .option('--case <json>', "run this case first, from a failure's message", json)
    .addOption(new Option('--only <part>', 'only one half of the check').choices(['gradients', 'kernels']))
    .option('--json', 'print the results as JSON')
    .action(run);
}

async function run(target: string | undefined, flags: Flags): Promise<void> {
  if (target !== undefined) {
    const { gradcheckFile } = await import('./gradcheck-file.ts');
    await gradcheckFile(moduleTarget(target), flags);
    return;
  }
  const foreign = (['grad', 'vjp', 'jacobian', 'inputs'] as const).find((flag) => flags[flag] !== undefined);
  if (foreign !== undefined) throw new UsageError(`--${foreign} is for a FILE: reparam gradcheck FILE#f --${foreign} ...`);
  // fast-check is an optional peer dependency, and only this command needs it.
  const { gradcheck, unchecked } = await import('../../testing/gradcheck.ts');
  const device = flags.device === 'webgpu' ? await webgpu() : cpu({ dtype: 'float32' });
  const options: GradcheckOptions = {
    device,
    seed: flags.seed,
    runs: flags.case ? 0 : flags.runs,
    ...(flags.case ? { examples: [flags.case] } : {}),
    ...(flags.op ? { pattern: flags.op } : {}),
    ...(flags.path === undefined ? {} : { path: flags.path }),
    ...(flags.only ? { only: flags.only } : {}),
  };
  const results: OperationResult[] = [];
  if (!flags.json) print(header(device));
  for await (const result of gradcheck(options)) {
    results.push(result);
    if (!flags.json) print([row(result), ...result.failures].join('\n'));
  }
  if (results.length === 0) throw new UsageError(`--op ${String(flags.op)}: no operation has such a name`);
  const missing = flags.op ? [] : unchecked();
  const failed = results.filter((r) => r.failures.length > 0).length;
  const summary = { device: device.name, seed: flags.seed, runs: options.runs, ...totals(results), failed, unchecked: missing };
  print(flags.json ? JSON.stringify({ ...summary, results }, undefined, 2) : footer(summary, results.length));
  device.destroy();
  if (failed > 0 || missing.length > 0) process.exitCode = 1;
}

interface Totals {
  readonly cases: number;
  readonly derivatives: number;
  readonly nonSmooth: number;
  /** Worst relative error by order. */
  readonly worst: readonly number[];
  /** Undefined where no kernel was checked. */
  readonly worstKernel: number | undefined;
}

function totals(results: readonly OperationResult[]): Totals {
  const sum = (of: (r: OperationResult) => number): number => results.reduce((total, r) => total + of(r), 0);
  return {
    cases: sum((r) => r.cases),
    derivatives: sum((r) => r.derivatives),
    nonSmooth: sum((r) => r.nonSmooth),
    worst: [0, 1, 2].map((i) =>
      largestOf(
        results.map((r) => r.orders[i] ?? 0),
        0,
      ),
    ),
    worstKernel: results.some((r) => r.kernel)
      ? largestOf(results.map((r) => Math.max(r.kernel?.value ?? 0, r.kernel?.gradient ?? 0)))
      : undefined,
  };
}

const COLUMNS: readonly number[] = [38, 9, 9, 9, 8, 10, 8, 7];

function line(cells: readonly string[]): string {
  return cells.map((cell, i) => (i === 0 ? cell.padEnd(COLUMNS[i]!) : cell.padStart(COLUMNS[i]!))).join('');
}

function header(device: Device): string {
  return [
    `Kernels of ${device.name}. Order 1 to 3: worst relative error in float64 against central differences.`,
    'Value, gradient: worst float32 error in units of 2^-24 sum |terms| (tripwire 8, marked !), and its share of the proved bound.',
    '',
    line(['operation', 'order 1', 'order 2', 'order 3', 'value', 'gradient', 'share', 'cases']),
  ].join('\n');
}

function row({ operation, orders, kernel, cases, tripped, failures }: OperationResult): string {
  const errors = [0, 1, 2].map((i) => (orders[i] === undefined ? '-' : orders[i] === 0 ? '0' : orders[i].toExponential(1)));
  const units = kernel
    ? [kernel.value.toFixed(2), kernel.gradient.toFixed(2), `${(100 * kernel.share).toFixed(0)} %`]
    : ['-', '-', '-'];
  return line([operation, ...errors, ...units, String(cases)]) + (failures.length > 0 ? '  FAILED' : tripped ? '  !' : '');
}

function footer(
  s: Totals & { device: string; seed: number; runs: number; failed: number; unchecked: readonly string[] },
  count: number,
): string {
  const [first, second, third] = s.worst.map((w) => w.toExponential(1));
  const lines = ['', `${count} operations, ${s.cases} cases, seed ${s.seed}`];
  if (s.derivatives > 0) {
    lines.push(
      `${s.derivatives} derivatives (${s.nonSmooth} not judged): worst at order 1 ${first} (limit 1e-7), order 2 ${second} (limit 1e-5), order 3 ${third} (limit 1e-5)`,
    );
  }
  if (s.worstKernel !== undefined) lines.push(`kernels: worst ${s.worstKernel.toFixed(2)} units of 2^-24 sum |terms|`);
  if (s.unchecked.length > 0) lines.push(`no entry in the registry checks: ${s.unchecked.join(', ')}`);
  lines.push(s.failed === 0 ? 'all passed' : `${s.failed} failed`);
  return lines.join('\n');
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

function regexp(text: string): RegExp {
  try {
    return new RegExp(text);
  } catch {
    throw new InvalidArgumentError('Not a regular expression.');
  }
}

function casePath(text: string): string {
  if (/^\d+(:\d+)*$/.test(text)) return text;
  throw new InvalidArgumentError("Not a path: it is numbers with colons between them, as in a failure's message (0:1:2).");
}

function inputList(text: string): readonly unknown[] {
  try {
    const value: unknown = JSON.parse(text);
    if (Array.isArray(value)) return value as readonly unknown[];
  } catch {
    // Fall through to the one message.
  }
  throw new InvalidArgumentError("It must be a JSON list of the function's arguments: '[[1, 2], 3]'.");
}

function json(text: string): Sample {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && 'inputs' in value) return value as Sample;
  } catch {
    // Fall through to the one message for all that is not a case.
  }
  throw new InvalidArgumentError('Not a case: copy it, quotes and all, from the message of a failure.');
}
