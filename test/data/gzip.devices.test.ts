/** @file Gzip files of several members are read whole in Node and in a page, whose own stream may end after the first. */
import { expect, it } from 'vitest';
import { DataFormatError } from '../../src/contract/errors.ts';
import { gunzip } from '../../src/data/index.ts';

async function pack(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  return new Uint8Array(await new Response(new Blob([bytes]).stream().pipeThrough(new CompressionStream('gzip'))).arrayBuffer());
}

function joined(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

const text = (s: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(s);

it('AAAA and BB in two members are AAAABB', async () => {
  const bytes = joined(await pack(text('AAAA')), await pack(text('BB')));
  expect((await gunzip({ name: 'f', bytes })).bytes).toEqual(text('AAAABB'));
});

it('members of any sizes, empty ones too, come one after another', async () => {
  const parts = [0, 1, 70_000, 0, 5000].map((n, seed) => Uint8Array.from({ length: n }, (_, i) => (i * i + seed) >> 3));
  const bytes = joined(...(await Promise.all(parts.map(pack))));
  expect((await gunzip({ name: 'f', bytes })).bytes).toEqual(joined(...parts));
});

it('a member that is cut or damaged is refused, and so is what follows the last', async () => {
  const [a, b] = [await pack(text('one'.repeat(50))), await pack(text('two'.repeat(50)))];
  const flipped = Uint8Array.from(b);
  flipped[b.length - 6]! ^= 1;
  const broken = [joined(a, b.subarray(0, b.length - 4)), joined(a, flipped), joined(a, b, text('rest'))];
  for (const bytes of broken) await expect(gunzip({ name: 'f.gz', bytes })).rejects.toThrow(DataFormatError);
});
