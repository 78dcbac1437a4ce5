/** @file Commands that left the installed package: what they answer. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../../', import.meta.url));

function reparam(...args: readonly string[]): { readonly status: number | null; readonly stdout: string; readonly stderr: string } {
  const command = ['node_modules/tsx/dist/cli.mjs', 'src/cli/main.ts', ...args];
  return spawnSync(process.execPath, command, { cwd: root, encoding: 'utf8', timeout: 60_000 });
}

it.each([
  ['experiment fig9 --seeds 0,1', 'npm run experiment -- list'],
  ['credit audit --run runs/none', 'npm run credit -- --help'],
  ['credit', 'npm run credit -- --help'],
  ['estimators --samples 8', 'npm run credit -- estimators'],
])('reparam %s ends with code 2 and one line that names the successor', (line, successor) => {
  const { status, stdout, stderr } = reparam(...line.split(' '));
  expect([status, stdout, stderr.trimEnd().split('\n').length]).toEqual([2, '', 1]);
  expect(stderr).toContain(`is no longer in the installed package; in a clone of the repository: ${successor}\n`);
});

it('help lists them as moved', () => {
  const { stdout } = reparam('--help');
  for (const successor of ['npm run experiment -- list', 'npm run credit -- --help', 'npm run credit -- estimators'])
    expect(stdout.replaceAll(/\s+/g, ' ')).toContain(`moved out of the package: ${successor} in a clone of the repository`);
});
