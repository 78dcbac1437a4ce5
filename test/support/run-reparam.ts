/** @file Subcommands of `reparam` inside the test's own process: as the command runs them, without the seconds that a process takes to start. */
import { Command } from 'commander';
import { registerGradcheck } from '../../src/cli/commands/gradcheck.ts';
import { registerEvaluate } from '../../src/cli/commands/evaluate.ts';
import { registerPredict } from '../../src/cli/commands/predict.ts';
import { registerSearch } from '../../src/cli/commands/search.ts';
import { registerTrain } from '../../src/cli/commands/train.ts';
import { registerVerify } from '../../src/cli/commands/verify.ts';
import { runCommand } from '../../src/command/run.ts';

export interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs `reparam ARGS` and returns its exit code and what it wrote. */
export async function runReparam(...args: readonly string[]): Promise<Ended> {
  const written = { out: '', err: '' };
  const streams = { out: process.stdout, err: process.stderr };
  const originals = { out: process.stdout.write, err: process.stderr.write };
  const exitCode = process.exitCode;
  process.exitCode = undefined;
  for (const name of ['out', 'err'] as const) {
    streams[name].write = (text: string | Uint8Array): boolean => {
      written[name] += typeof text === 'string' ? text : Buffer.from(text).toString();
      return true;
    };
  }
  try {
    const code = await runCommand(() => {
      const program = new Command('reparam').exitOverride();
      registerSearch(program);
      registerTrain(program);
      registerVerify(program);
      registerGradcheck(program);
      registerEvaluate(program);
      registerPredict(program);
      return program;
    }, args);
    return { code, ...written };
  } finally {
    for (const name of ['out', 'err'] as const) streams[name].write = originals[name];
    process.exitCode = exitCode;
  }
}
