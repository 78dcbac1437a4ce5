/** @file A command line as a process: errors become one line and an exit code. */
import { type Command, CommanderError } from 'commander';
import { ReparamError } from '../contract/errors.ts';
import { UsageError } from './usage-error.ts';

/** The exit code of a command line that cannot be obeyed. */
const USAGE = 2;

/**
 * Runs one command line and returns the exit code: 0, 1 for a failure, 2 for a command line that cannot be obeyed. The program must have had
 * `exitOverride()` before its subcommands were added.
 */
export async function runCommand(program: Command, args: readonly string[]): Promise<number> {
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
