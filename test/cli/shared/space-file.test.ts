/** @file `--space FILE` from a clone: JavaScript and TypeScript, what a run keeps of the file, and every way in which a file is no space. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { OWN_SPACE, OWN_SPACE_TYPED } from '../../support/own-space.ts';
import { writeIdxFolder } from '../../support/idx-folder.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const scratch = mkdtempSync(path.join(tmpdir(), 'reparam-space-file-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const data = writeIdxFolder(path.join(scratch, 'data'), 64, 32);

interface Ended {
  readonly code: number | null;
  readonly err: string;
}

/** In a process of its own, where the file shares the command's copy of the sources. */
function reparam(...args: readonly string[]): Ended {
  const tsx = path.join(root, 'node_modules/tsx/dist/cli.mjs');
  const child = spawnSync(process.execPath, [tsx, 'src/cli/main.ts', ...args], { cwd: root, encoding: 'utf8', timeout: 110_000 });
  return { code: child.status, err: child.stderr };
}

function search(file: string, out: string): Ended {
  const sizes = '--preset smoke --device cpu --train-images 32 --validation-images 32 --epochs 1 --quiet'.split(' ');
  return reparam('search', '--space', file, '--data', data, '--out', out, ...sizes);
}

function written(name: string, text: string): string {
  const file = path.join(scratch, name);
  writeFileSync(file, text);
  return file;
}

describe('a space in a file', () => {
  it.each([
    ['own.mjs', OWN_SPACE],
    ['own.ts', OWN_SPACE_TYPED],
  ])(
    '%s is searched, kept by path and digest, continued, and evaluated; changed, it is refused by its name',
    (name, text) => {
      const file = written(name, text);
      const out = path.join(scratch, `run-${name}`);
      expect(search(file, out)).toEqual({ code: 0, err: expect.not.stringContaining('reparam:') });
      const config = JSON.parse(readFileSync(path.join(out, 'config.json'), 'utf8')) as { space: object };
      expect(config.space).toMatchObject({ name: file, file, digest: createHash('sha256').update(text).digest('hex') });
      const { choices } = JSON.parse(readFileSync(path.join(out, 'genotype.json'), 'utf8')) as { choices: object };
      expect(Object.keys(choices)).toEqual(['block']);
      expect(reparam('search', '--resume', out, '--epochs', '2', '--quiet').code).toBe(0);
      expect(reparam('evaluate', out, '--device', 'cpu', '--quiet').code).toBe(0);
      appendFileSync(file, '\n// changed\n');
      for (const args of [
        ['search', '--resume', out, '--epochs', '3'],
        ['evaluate', out, '--device', 'cpu'],
      ]) {
        const { code, err } = reparam(...args, '--quiet');
        expect(code).not.toBe(0);
        expect(err).toBe(
          `reparam: ${file} has changed since the run was begun: its space may be another. Put the file back as it was, or begin another run with --out\n`,
        );
      }
    },
    180_000,
  );

  it.each([
    [
      'throws.mjs',
      "export default () => { throw new TypeError('no such layer'); };",
      /throws\.mjs makes no network: TypeError: no such layer$/,
    ],
    ['load.mjs', "throw new Error('at load');", /load\.mjs does not load: Error: at load$/],
    ['syntax.mjs', 'export default () => (;', /syntax\.mjs does not load: SyntaxError: /],
    ['nothing.mjs', 'export const network = 1;', /nothing\.mjs has no default export that is a function: export default \(/],
    [
      'number.mjs',
      'export default () => 3;',
      /number\.mjs makes no network: its default export must return a Layer of reparam\/nn$/,
    ],
    [
      'copy.mjs',
      'export default () => ({ forward() {}, stateDict() {} });',
      /copy\.mjs makes no network: its Layer is of another copy of reparam/,
    ],
    [
      'plain.mjs',
      OWN_SPACE.replace("choice('block', ", 'Object.values(').replace(/\}\);\n/, '})[2];\n'),
      /plain\.mjs: search space: the network has no choice/,
    ],
  ])('%s is refused in one line with its name, and leaves no folder', (name, text, message) => {
    const file = written(name, text);
    const out = path.join(scratch, `refused-${name}`);
    const { code, err } = search(file, out);
    expect(code).not.toBe(0);
    expect(err.trimEnd()).toMatch(message);
    expect(err).toMatch(/^reparam: [^\n]*\n$/);
    expect(existsSync(out)).toBe(false);
  });
});
