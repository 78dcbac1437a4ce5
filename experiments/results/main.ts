/** @file The process of `npm run results:check`: says what differs and ends with 1, or writes it with --write. */
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { runCommand, writeFileWhole } from 'reparam/command';
import { differences } from './check.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

function command(): Command {
  return new Command('npm run results:check --')
    .exitOverride()
    .showHelpAfterError('(add --help for the options)')
    .description('computes every published interval and verdict anew from docs/results/*.json and compares it with docs')
    .option('--write', 'write what is generated: accounts, pictures, docs/claims.md and the table in docs/snas.md')
    .action(async ({ write }: { readonly write?: boolean }) => {
      let found = differences(root);
      if (write) {
        // What quotes the accounts is computed from them, so a second look follows the first.
        for (const { file, expected } of found) if (expected !== undefined) await writeFileWhole(path.join(root, file), expected);
        found = differences(root);
      }
      for (const { file, what } of found) process.stdout.write(`${file}: ${what}\n`);
      process.stdout.write(found.length === 0 ? 'docs say what the data say\n' : `${found.length} differences\n`);
      if (found.length > 0) process.exitCode = 1;
    });
}

const code = await runCommand(command, process.argv.slice(2));
if (code !== 0) process.exitCode = code;
