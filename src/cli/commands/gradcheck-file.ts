/** @file `reparam gradcheck FILE#export`: the derivative of a function in somebody's module, against differences. */
import { largestOf } from '../../contract/extremes.ts';
import { loadModule, type ModuleTarget } from '../../command/load-module.ts';
import { UsageError } from '../../command/usage-error.ts';
import { checkGradFunction } from '../../testing/check-grad-function.ts';
import type { CheckGradFunctionOptions, GradFunctionReport } from '../../testing/function-check.ts';
import { GradientError } from '../../testing/gradient-error.ts';
import type { Operation } from '../../testing/registry/operation.ts';

export interface FileFlags {
  readonly seed: number;
  readonly runs: number;
  readonly path?: string;
  readonly json?: boolean;
  readonly inputs?: readonly unknown[];
  readonly grad?: string;
  readonly vjp?: string;
  readonly jacobian?: string;
}

/** What a module exports to be checked: a function, its derivative in one of three forms, and inputs or an arbitrary of them. */
interface Case extends CheckGradFunctionOptions {
  readonly f: (...inputs: never[]) => unknown;
  readonly inputs?: unknown;
}

interface FileResult {
  readonly name: string;
  readonly report?: GradFunctionReport;
  /** The message of the failure. */
  readonly failure?: string;
}

const FORMS = [
  ['grad', 'gradF'],
  ['vjp', 'vjpF'],
  ['jacobian', 'jacobianF'],
] as const;

/** Checks the named export, or every export that is a case. Prints a line or a message for each; exit code 1 if one failed. */
export async function gradcheckFile(target: ModuleTarget, flags: FileFlags): Promise<void> {
  const module = await loadModule(target.file);
  const named =
    target.name === undefined
      ? Object.keys(module).filter((name) => isCase(module[name]) || isOperation(module[name]))
      : [target.name];
  if (named.length === 0) {
    throw new UsageError(
      `${target.file} exports no case: export { f, gradF, inputs } (or vjpF, jacobianF), or name a function as FILE#f with --grad and --inputs`,
    );
  }
  const results: FileResult[] = [];
  for (const name of named) {
    const result = await checkExport(module, name, target.file, flags);
    results.push(result);
    if (!flags.json) process.stdout.write(`${result.failure ?? line(result)}\n`);
  }
  const failed = results.filter((r) => r.failure !== undefined).length;
  if (flags.json) process.stdout.write(`${JSON.stringify({ file: target.file, failed, results }, undefined, 2)}\n`);
  else process.stdout.write(failed === 0 ? 'all passed\n' : `${failed} of ${results.length} failed\n`);
  if (failed > 0) process.exitCode = 1;
}

async function checkExport(
  module: Readonly<Record<string, unknown>>,
  name: string,
  file: string,
  flags: FileFlags,
): Promise<FileResult> {
  if (!(name in module))
    throw new UsageError(`${file} exports no ${name}; it exports ${Object.keys(module).join(', ') || 'nothing'}`);
  const exported = module[name];
  if (isOperation(exported)) return checkOperation(exported, name, flags);
  const { f, inputs, ...given } = caseOf(module, name, file, flags);
  const options: CheckGradFunctionOptions = {
    ...given,
    name: given.name ?? name,
    seed: flags.seed,
    runs: flags.runs,
    ...(flags.path === undefined ? {} : { path: flags.path }),
    replay: `npx reparam gradcheck '${file}#${name}'${flagsOf(flags)} --seed ${flags.seed}`,
  };
  try {
    return { name, report: await checkGradFunction(f as never, given as never, inputs as never, options) };
  } catch (error) {
    if (error instanceof GradientError) return { name, failure: error.message };
    throw error;
  }
}

/** The function, its derivative and its inputs: of an exported case, or of the functions and the inputs that flags name. */
function caseOf(module: Readonly<Record<string, unknown>>, name: string, file: string, flags: FileFlags): Case {
  const exported = module[name];
  const derivative = FORMS.flatMap(([flag, form]) => {
    const given = flags[flag];
    if (given === undefined) return [];
    if (typeof module[given] !== 'function') throw new UsageError(`--${flag} ${given}: ${file} exports no such function`);
    return [[form, module[given]]] as const;
  });
  const base: Case | undefined =
    typeof exported === 'function' ? { f: exported as Case['f'] } : isCase(exported) ? exported : undefined;
  if (!base) throw new UsageError(`${file}#${name} is neither a function nor { f, gradF, inputs }`);
  if (derivative.length > 1)
    throw new UsageError('--grad, --vjp and --jacobian are three forms of one derivative: give one of them');
  const whole: Case = { ...base, ...Object.fromEntries(derivative), ...(flags.inputs ? { inputs: flags.inputs } : {}) };
  if (!FORMS.some(([, form]) => form in whole))
    throw new UsageError(`${file}#${name} is a function alone: name its derivative with --grad, --vjp or --jacobian`);
  if (whole.inputs === undefined)
    throw new UsageError(`${file}#${name} has no inputs: give --inputs, a JSON list of its arguments`);
  return whole;
}

async function checkOperation(op: Operation, name: string, flags: FileFlags): Promise<FileResult> {
  const { checkOperationGrads } = await import('../../testing/check-operation.ts');
  const { tally, cases, failure } = await checkOperationGrads(op, {
    seed: flags.seed,
    runs: flags.runs,
    ...(flags.path === undefined ? {} : { path: flags.path }),
  });
  if (failure) return { name, failure: failure.message };
  tally.check(name);
  const { derivatives, hidden, nonSmooth } = tally;
  const worst = largestOf(
    tally.orders.map((o) => o.worst),
    0,
  );
  return { name, report: { derivatives, hidden, nonSmooth, worst, noise: 0, precision: 'float64', resolution: 1e-7, cases } };
}

function isCase(value: unknown): value is Case {
  return typeof value === 'object' && value !== null && 'f' in value && typeof value.f === 'function';
}

function isOperation(value: unknown): value is Operation {
  return typeof value === 'object' && value !== null && 'samples' in value && 'run' in value;
}

function flagsOf(flags: FileFlags): string {
  const forms = FORMS.map(([flag]) => (flags[flag] === undefined ? '' : ` --${flag} ${flags[flag]}`)).join('');
  return forms + (flags.inputs ? ` --inputs '${JSON.stringify(flags.inputs)}'` : '');
}

function line({ name, report }: FileResult): string {
  const { derivatives, hidden, nonSmooth, precision, resolution, worst, cases } = report!;
  const unseen = hidden + nonSmooth > 0 ? ` (${hidden} hidden by rounding, ${nonSmooth} not judged)` : '';
  const how =
    precision === 'float64'
      ? `worst ${worst.toExponential(1)}`
      : `f is ${precision}: judged to ${(100 * resolution).toPrecision(1)} %`;
  return `${name}: right, ${derivatives} derivatives${unseen} at ${cases} ${cases === 1 ? 'point' : 'points'}, ${how}`;
}
