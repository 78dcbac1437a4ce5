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

  it('64 MiB of zeros from 64 kB are refused after 16 MiB, and read where they are allowed', async () => {
    const bytes = await pack(new Uint8Array(2 ** 26));
    expect(bytes.length).toBeLessThan(2 ** 17);
    const before = process.memoryUsage().arrayBuffers;
    const refused = gunzip({ name: 'bomb.gz', bytes });
    await expect(refused).rejects.toThrow(/^bomb\.gz at byte \d+: decompresses to more than 16777216 bytes, as a gzip bomb does/);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 25);
    const small = await pack(new Uint8Array(5000));
    expect((await gunzip({ name: 'f.gz', bytes: small }, { maxBytes: 5000 })).bytes.length).toBe(5000);
    await expect(gunzip({ name: 'f.gz', bytes: small }, { maxBytes: 4999 })).rejects.toThrow(DataFormatError);
  });
});
