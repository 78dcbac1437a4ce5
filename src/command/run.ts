/** @file A command line as a process: errors become one line and an exit code. */
import { inspect } from 'node:util';
import { type Command, CommanderError } from 'commander';
import { EXIT } from './exit-codes.ts';
import { failureOf } from './failure.ts';
import { requestStop } from './stop.ts';

/**
 * Runs one command line and returns the exit code (docs/reliability.md lists them). `makeProgram` may load modules; its program must have had
 * `exitOverride()` before its subcommands were added. REPARAM_DEBUG=1 prints the trace of an error below its line.
 */
export async function runCommand(makeProgram: () => Command | Promise<Command>, args: readonly string[]): Promise<number> {
  guardProcess();
  try {
    const program = await makeProgram();
    await program.parseAsync(args, { from: 'user' });
    return Number(process.exitCode ?? EXIT.done);
  } catch (error) {
    return report(error);
  }
}

/** Prints the line of an error, and its trace if that is asked for; returns its exit code. */
export function report(error: unknown): number {
  // Commander has printed its own.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
  const { line, code } = failureOf(error);
  process.stderr.write(`reparam: ${line}\n`);
  if (debugging()) process.stderr.write(`${inspect(error)}\n`);
  return code;
}

function debugging(): boolean {
  const value = process.env['REPARAM_DEBUG'] ?? '';
  return value !== '' && value !== '0';
}

let guarded = false;

/** Errors that come outside of any call, which Node would answer with a stack trace. */
function guardProcess(): void {
  if (guarded) return;
  guarded = true;
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // `reparam search | head`: nobody reads on, so the work ends as if by a signal. Later lines go nowhere.
    if (error.code === 'EPIPE') requestStop('SIGPIPE');
    else process.exit(report(Object.assign(error, { path: 'the output' })));
  });
  // There is no place left to report to.
  process.stderr.on('error', () => undefined);
  process.on('uncaughtException', (error) => process.exit(report(error)));
}
