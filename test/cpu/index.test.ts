/** @file The entry points of the two devices: neither carries code of the other, and neither grows unnoticed. */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { cpu } from '../../src/cpu/index.ts';
import { cpu as ofTheWhole } from '../../src/index.ts';

it('is the device of the whole package', () => {
  expect(cpu).toBe(ofTheWhole);
});

it('reparam/cpu and reparam/webgpu are within their sizes and carry one device each', () => {
  const script = fileURLToPath(new URL('../../scripts/entry-sizes.mjs', import.meta.url));
  const printed = execFileSync(process.execPath, [script], { encoding: 'utf8' });
  expect(printed.match(/reparam\/(cpu|webgpu) \| \d+ \| \d+ \| \d+ \|/g)).toHaveLength(2);
});
