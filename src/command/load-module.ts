/** @file Loads a user's module by its path, in JavaScript or TypeScript, for every command that takes a FILE. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { ReparamError } from '../contract/errors.ts';
import { quote } from '../contract/quote.ts';
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

const INSTALL_TSX = 'npm install --save-dev tsx';

/**
 * The module's exports. TypeScript runs as tsx runs it where tsx is installed, in the module's project, the working directory's or beside this
 * command; else as Node does, if it is new enough to strip types. A module that is CommonJS, or compiled to it because its package.json does not say
 * "type": "module", has the same exports. Every error is one line that names the file, and what to install where that mends it.
 */
export async function loadModule(file: string): Promise<Readonly<Record<string, unknown>>> {
  const full = path.resolve(file);
  if (!existsSync(full)) throw new UsageError(`${file}: there is no such file`);
  if (!statSync(full).isFile()) throw new UsageError(`${file} is a folder and not a file`);
  if (isTypeScript(full)) await prepareTypeScript(file, full);
  try {
    const { href } = pathToFileURL(full);
    return exportsOf((await import(href)) as Readonly<Record<string, unknown>>);
  } catch (cause) {
    const told = (cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause)).split('\n')[0]!;
    throw new ReparamError(`${file} does not load: ${told}${adviceFor(told, cause, full)}`, { cause });
  }
}

/** Of a module that was compiled to CommonJS, what it exports, and not what an import makes of that. */
function exportsOf(module: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const inner = module['default'];
  if (typeof inner !== 'object' || inner === null || !('__esModule' in inner)) return module;
  return { ...inner };
}

/** What mends an error of loading, where that is known. */
function adviceFor(told: string, cause: unknown, full: string): string {
  if (told.includes("Cannot find package 'reparam'"))
    return `; install it there: cd ${quote(path.dirname(full), 400)} && npm install reparam`;
  const code = (cause as { readonly code?: unknown } | null | undefined)?.code;
  const types =
    code === 'ERR_UNKNOWN_FILE_EXTENSION' ||
    code === 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX' ||
    (told.includes('Cannot find module') && isTypeScript(full));
  if (types && !prepared) return `; Node only strips types, tsx runs all of TypeScript: ${INSTALL_TSX}`;
  if (full.endsWith('.cts')) return '; a CommonJS module may not be able to require this package here: name it .mts';
  return '';
}

function isTypeScript(file: string): boolean {
  return /\.[cm]?tsx?$/.test(file);
}

let prepared = false;

/** tsx's hooks for this process: with them a module shares the copy of reparam that this command runs on. */
async function prepareTypeScript(file: string, full: string): Promise<void> {
  if (prepared) return;
  const manifest = manifestOfTsx([full, path.join(process.cwd(), 'x'), fileURLToPath(import.meta.url)]);
  if (manifest !== undefined) {
    const { exports } = JSON.parse(readFileSync(manifest, 'utf8')) as { readonly exports: Readonly<Record<string, unknown>> };
    for (const name of ['./esm/api', './cjs/api']) {
      if (exports[name] === undefined) throw new UsageError(`${file}: the tsx of ${manifest} is too old: ${INSTALL_TSX}@latest`);
      const { href } = pathToFileURL(path.join(path.dirname(manifest), fileForImport(exports[name])));
      const hooks = (await import(href)) as { register(): unknown };
      hooks.register();
    }
    prepared = true;
    return;
  }
  // Node has the property from 22.10 on; it is false or 'strip' or 'transform'.
  if ((process.features as { readonly typescript?: unknown }).typescript) return;
  throw new UsageError(`${file} is TypeScript, which Node ${process.versions.node} runs with tsx: ${INSTALL_TSX}`);
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
