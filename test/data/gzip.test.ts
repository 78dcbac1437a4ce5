/** @file Gzip files are unpacked, other files left alone, broken ones refused by name. */
import { describe, expect, it } from 'vitest';
import { DataFormatError } from '../../src/contract/errors.ts';
import { gunzip } from '../../src/data/index.ts';
import { file } from '../support/data-file.ts';

describe('gzip', () => {
  const pack = async (bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> =>
    new Uint8Array(await new Response(new Blob([bytes]).stream().pipeThrough(new CompressionStream('gzip'))).arrayBuffer());

  it('gives back what the platform compressed, and leaves other files alone', async () => {
    const bytes = Uint8Array.from({ length: 100_000 }, (_, i) => (i * i) >> 3);
    expect((await gunzip({ name: 'f.gz', bytes: await pack(bytes) })).bytes).toEqual(bytes);
    const plain = file('plain', 0, 0, 8, 1, 0, 0, 0, 2, 7, 9);
    expect(await gunzip(plain)).toBe(plain);
  });

  it('names a truncated file and its length', async () => {
    const whole = await pack(Uint8Array.from({ length: 5000 }, (_, i) => (i * i) >> 3));
    const bytes = whole.subarray(0, whole.length - 20);
    const error = await gunzip({ name: 'cut.gz', bytes }).then(
      () => undefined,
      (e: unknown) => e,
    );
    expect(error).toBeInstanceOf(DataFormatError);
    expect(error).toMatchObject({ file: 'cut.gz', offset: bytes.length });
  });
});
