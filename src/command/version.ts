/** @file The version of this package. */
import { readFileSync } from 'node:fs';

/** From package.json, two folders up both in a clone (src/cli) and in the installed package (dist/cli). */
export const version: string = readVersion(new URL('../../package.json', import.meta.url));

function readVersion(manifest: URL): string {
  const parsed: unknown = JSON.parse(readFileSync(manifest, 'utf8'));
  return typeof parsed === 'object' && parsed !== null && 'version' in parsed ? String(parsed.version) : 'unknown';
}
