#!/usr/bin/env node
/** @file The `reparam` command: finds the subcommand and loads only that. */
import { Command } from 'commander';
import { findPeersOfProject } from '../command/peers.ts';
import { runCommand } from '../command/run.ts';
import { version } from '../command/version.ts';

type Register = (program: Command) => void;

/** Each subcommand's module is loaded when it is named, or for the list of all of them. */
const commands: Readonly<Record<string, () => Promise<Register>>> = {
  search: async () => (await import('./commands/search.ts')).registerSearch,
  train: async () => (await import('./commands/train.ts')).registerTrain,
  evaluate: async () => (await import('./commands/evaluate.ts')).registerEvaluate,
  predict: async () => (await import('./commands/predict.ts')).registerPredict,
  verify: async () => (await import('./commands/verify.ts')).registerVerify,
  gradcheck: async () => (await import('./commands/gradcheck.ts')).registerGradcheck,
  credit: async () => (await import('./commands/moved.ts')).registerCredit,
  estimators: async () => (await import('./commands/moved.ts')).registerEstimators,
  experiment: async () => (await import('./commands/moved.ts')).registerExperiment,
  doctor: async () => (await import('./commands/doctor.ts')).registerDoctor,
};

/** A command whose module cannot be loaded, for want of a package, stands in the list and says so when it is run. */
async function register(name: string, load: () => Promise<Register>, program: Command): Promise<void> {
  try {
    (await load())(program);
  } catch (error) {
    program
      .command(name)
      .description('cannot be loaded; running it says why')
      .allowUnknownOption()
      .allowExcessArguments()
      .action(() => {
        throw error;
      });
  }
}

findPeersOfProject();
const args = process.argv.slice(2);
process.exitCode = await runCommand(async () => {
  const program = new Command('reparam')
    .description('Architecture search and gradient checks on reparam, a TypeScript autodiff framework with WebGPU kernels')
    .version(version)
    .exitOverride()
    .showHelpAfterError('(add --help for the options)');
  const named = Object.entries(commands).filter(([name]) => name === args[0]);
  for (const [name, load] of named.length > 0 ? named : Object.entries(commands)) await register(name, load, program);
  return program;
}, args);
