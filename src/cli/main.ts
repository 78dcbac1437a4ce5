#!/usr/bin/env node
/** @file The `reparam` command: finds the subcommand and loads only that. */
import { Command } from 'commander';
import { runCommand } from '../command/run.ts';
import { version } from '../command/version.ts';

type Register = (program: Command) => void;

/** Each subcommand's module is loaded when it is named, or for the list of all of them. */
const commands: Readonly<Record<string, () => Promise<Register>>> = {
  search: async () => (await import('./commands/search.ts')).registerSearch,
  train: async () => (await import('./commands/train.ts')).registerTrain,
  gradcheck: async () => (await import('./commands/gradcheck.ts')).registerGradcheck,
  credit: async () => (await import('./commands/moved.ts')).registerCredit,
  estimators: async () => (await import('./commands/moved.ts')).registerEstimators,
  experiment: async () => (await import('./commands/moved.ts')).registerExperiment,
  doctor: async () => (await import('./commands/doctor.ts')).registerDoctor,
};

const args = process.argv.slice(2);
const program = new Command('reparam')
  .description('Architecture search and gradient checks on reparam, a TypeScript autodiff framework with WebGPU kernels')
  .version(version)
  .exitOverride()
  .showHelpAfterError('(add --help for the options)');
const named = commands[args[0] ?? ''];
for (const load of named ? [named] : Object.values(commands)) (await load())(program);
process.exitCode = await runCommand(program, args);
