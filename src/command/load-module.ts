/** @file Loads a user's module by its path, in JavaScript or TypeScript, for every command that takes a FILE. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { ReparamError } from '../contract/errors.ts';
import { UsageError } from './usage-error.ts';

/** A FILE or FILE#export of a command line. */
export interface ModuleTarget {
  readonly file: string;
  /** Undefined where none was named. */
  readonly name: string | undefined;
}

/** Splits FILE#export. A file whose own name holds a # is taken as it is, if it is there. */
export function moduleTarget(text: string): ModuleTarget {
  const at = text.lastIndexOf('#');
  if (at < 0 || existsSync(text)) return { file: text, name: undefined };
  return { file: text.slice(0, at), name: text.slice(at + 1) };
}

/**
 * The module's exports. TypeScript runs as tsx runs it where tsx is installed, in the module's project or beside this command; else as Node does,
 * if it is new enough to strip types. Every error is one line that names the file.
 */
export async function loadModule(file: string): Promise<Readonly<Record<string, unknown>>> {
  const full = path.resolve(file);
  if (!existsSync(full)) throw new UsageError(`${file}: there is no such file`);
  if (!statSync(full).isFile()) throw new UsageError(`${file} is a folder and not a file`);
  if (/\.[cm]?tsx?$/.test(full)) await prepareTypeScript(file, full);
  try {
    const { href } = pathToFileURL(full);
    return (await import(href)) as Readonly<Record<string, unknown>>;
  } catch (cause) {
    const told = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
    throw new ReparamError(`${file} does not load: ${told.split('\n')[0]}`, { cause });
  }
}

let prepared = false;

/** tsx's hooks for this process: with them a module shares the copy of reparam that this command runs on. */
async function prepareTypeScript(file: string, full: string): Promise<void> {
  if (prepared) return;
  const manifest = manifestOfTsx([full, path.join(process.cwd(), 'x'), fileURLToPath(import.meta.url)]);
  if (manifest !== undefined) {
    const { exports } = JSON.parse(readFileSync(manifest, 'utf8')) as { readonly exports: Readonly<Record<string, unknown>> };
    for (const name of ['./esm/api', './cjs/api']) {
      const { href } = pathToFileURL(path.join(path.dirname(manifest), fileForImport(exports[name])));
      const hooks = (await import(href)) as { register(): unknown };
      hooks.register();
    }
    prepared = true;
    return;
  }
  // Node has the property from 22.10 on; it is false or 'strip' or 'transform'.
  if ((process.features as { readonly typescript?: unknown }).typescript) return;
  throw new UsageError(`${file} is TypeScript, which Node ${process.versions.node} runs with tsx: npm install --save-dev tsx`);
}

/** tsx's package.json, seen from the first of the places that has it. */
function manifestOfTsx(places: readonly string[]): string | undefined {
  for (const place of places) {
    try {
      return createRequire(place).resolve('tsx/package.json');
    } catch {
      // The next place may have it.
    }
  }
  return undefined;
}

/** An entry of a package's exports under the conditions of `import`. */
function fileForImport(entry: unknown): string {
  if (typeof entry === 'string') return entry;
  const conditions = entry as Readonly<Record<string, unknown>>;
  return fileForImport(conditions['import'] ?? conditions['default']);
}
