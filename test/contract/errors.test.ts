/** @file Errors have the names that are documented, whatever a bundler calls their classes. */
import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { ReparamError } from '../../src/contract/errors.ts';
import { UsageError } from '../../src/command/usage-error.ts';

type ErrorClass = new (...parameters: unknown[]) => Error;

/** What the constructors take that want more than a message. */
const PARAMETERS: Readonly<Record<string, readonly unknown[]>> = {
  DataFormatError: ['images.gz', 4, 'too short'],
  GradientError: [{ fault: 'wrong', op: 'exp', args: [], shape: [1], analytic: 1, numeric: 2, relativeError: 1, allowed: 0 }],
};

/** Every class of error that an entry point of the package exports, by the name under which it does. */
async function exportedErrors(): Promise<Map<string, ErrorClass>> {
  const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    exports: Record<string, string | { default: string }>;
  };
  const found = new Map<string, ErrorClass>();
  for (const target of Object.values(manifest.exports)) {
    if (typeof target === 'string') continue;
    const source = target.default.replace('./dist/', '../../src/').replace(/\.js$/, '.ts');
    const names = (await import(/* @vite-ignore */ source)) as Record<string, unknown>;
    for (const [name, value] of Object.entries(names)) {
      if (typeof value === 'function' && (value === ReparamError || value.prototype instanceof ReparamError))
        found.set(name, value as ErrorClass);
    }
  }
  return found;
}

/** How many classes in the sources extend ReparamError: all of them must be looked at. */
function errorClasses(): number {
  const sources = new URL('../../src/', import.meta.url);
  const files = readdirSync(sources, { recursive: true }).map(String);
  const texts = files.filter((file) => file.endsWith('.ts')).map((file) => readFileSync(new URL(file, sources), 'utf8'));
  return texts.join('\n').match(/^export class \w+ extends \w*Error \{/gm)?.length ?? 0;
}

it('each exported error keeps its name, message and cause when its class has another name', async () => {
  const errors = await exportedErrors();
  errors.set('UsageError', UsageError as ErrorClass);
  expect(errors.size).toBe(errorClasses());
  for (const [name, Original] of errors) {
    // What a minifier does: the class is called `c`.
    Object.defineProperty(Original, 'name', { value: 'c' });
    try {
      const error = new Original(...(PARAMETERS[name] ?? ['what is wrong']));
      expect([name, error.name, String(error).startsWith(`${name}: `)]).toEqual([name, name, true]);
      expect(error.stack?.startsWith(`${name}: `)).toBe(true);
      expect(error).toBeInstanceOf(ReparamError);
    } finally {
      Object.defineProperty(Original, 'name', { value: name });
    }
  }
  const cause = new Error('the reason');
  expect(new ReparamError('what is wrong', { cause }).cause).toBe(cause);
});
