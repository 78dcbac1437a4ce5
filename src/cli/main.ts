#!/usr/bin/env node
/** @file The `reparam` command: finds the subcommand, loads only that, and turns errors into one line and an exit code. */
import { Command, CommanderError } from 'commander';
import { ReparamError } from '../contract/errors.ts';
import { UsageError } from './usage-error.ts';
import { version } from './version.ts';

type Register = (program: Command) => void;

/** Each subcommand's module is loaded when it is named, or for the list of all of them. */
const commands: Readonly<Record<string, () => Promise<Register>>> = {
  search: async () => (await import('./search.ts')).registerSearch,
  train: async () => (await import('./train.ts')).registerTrain,
  gradcheck: async () => (await import('./gradcheck.ts')).registerGradcheck,
  credit: async () => (await import('./credit.ts')).registerCredit,
  estimators: async () => (await import('./credit.ts')).registerEstimators,
  experiment: async () => (await import('./experiment.ts')).registerExperiment,
  doctor: async () => (await import('./doctor.ts')).registerDoctor,
};

const USAGE = 2;

/** Runs one command line and returns the exit code: 0, 1 for a failure, 2 for a command line that cannot be obeyed. */
async function run(args: readonly string[]): Promise<number> {
  const program = new Command('reparam')
    .description('Architecture search and gradient checks on reparam, a TypeScript autodiff framework with WebGPU kernels')
    .version(version)
    .exitOverride()
    .showHelpAfterError('(add --help for the options)');
  const named = commands[args[0] ?? ''];
  for (const load of named ? [named] : Object.values(commands)) (await load())(program);
  try {
    await program.parseAsync(args, { from: 'user' });
    return Number(process.exitCode ?? 0);
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE;
    if (!(error instanceof ReparamError)) throw error;
    process.stderr.write(`reparam: ${error.message}\n`);
    return error instanceof UsageError ? USAGE : 1;
  }
}

process.exitCode = await run(process.argv.slice(2));
