/** @file Commands that are no longer in the installed package: each says in one line where it went. */
import type { Command } from 'commander';
import { UsageError } from '../../command/usage-error.ts';

/** `reparam experiment`: the article's figures. */
export function registerExperiment(program: Command): void {
  registerMoved(program, 'experiment', 'npm run experiment -- list');
}

/** `reparam credit`: the credit laboratory. */
export function registerCredit(program: Command): void {
  registerMoved(program, 'credit', 'npm run credit -- --help');
}

/** `reparam estimators`: a part of the credit laboratory. */
export function registerEstimators(program: Command): void {
  registerMoved(program, 'estimators', 'npm run credit -- estimators');
}

function registerMoved(program: Command, name: string, successor: string): void {
  program
    .command(name)
    .description(`moved out of the package: ${successor} in a clone of the repository`)
    .usage('')
    .allowUnknownOption()
    .allowExcessArguments()
    .action(() => {
      throw new UsageError(`${name} is no longer in the installed package; in a clone of the repository: ${successor}`);
    });
}
