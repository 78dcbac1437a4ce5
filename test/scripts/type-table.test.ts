/** @file The public declarations in other people's projects; scripts/type-table.mjs says which, and `--all` tries every combination. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const script = fileURLToPath(new URL('../../scripts/type-table.mjs', import.meta.url));

it('the declarations compile on three TypeScripts, every library checked, and refuse what they should', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [script]);
  const rows = stdout.trim().split('\n');
  expect(rows.at(-1)).toBe('12 projects, 0 with errors');
  expect(rows.slice(0, -1).filter((row) => !row.endsWith(': compiles'))).toEqual([]);
}, 400_000);
