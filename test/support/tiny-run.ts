/** @file Folders of tiny searches: what makes one in a second, and what of it the seed decides. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** Two epochs of two steps on images in a folder of `writeIdxFolder(folder, 96, 32)`. */
export function tinyArgs(data: string, out: string): string[] {
  return (
    `search --preset smoke --device cpu --nodes 1 --cells 2 --channels 2 --train-images 64 --validation-images 32 ` +
    `--seed 5 --epochs 2 --quiet --data ${data} --out ${out}`
  ).split(' ');
}

/** All that a run decides: everything but times, and but for checkpoints, which are as many as there was time for. */
export function decided(folder: string): Record<string, string> {
  const names = readdirSync(folder).filter((name) => !/^(checkpoint.*|files\.json|\..*)$/.test(name));
  return Object.fromEntries(
    names.map((name) => {
      const bytes = readFileSync(path.join(folder, name));
      if (name === 'metrics.jsonl') return [name, bytes.toString().replaceAll(/,"times":\{[^}]*\}/g, '')];
      return [name, createHash('sha256').update(bytes).digest('hex')];
    }),
  );
}

/** Flips one bit of a file's bytes. */
export function flipped(bytes: Uint8Array, at: number, bit = 0): Uint8Array {
  const out = Uint8Array.from(bytes);
  out[at]! ^= 1 << bit;
  return out;
}
