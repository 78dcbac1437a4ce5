/** @file The parsers of IDX and CIFAR-10 files, on files written here by hand. */
import { describe, expect, it } from 'vitest';
import { DataFormatError } from '../../src/contract/errors.ts';
import { gunzip, parseCifar10, parseIdx, parseIdxDataset } from '../../src/data/index.ts';

const file = (name: string, ...bytes: number[]): { name: string; bytes: Uint8Array } => ({ name, bytes: Uint8Array.from(bytes) });
const word = (n: number): number[] => [n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255, n & 255];

// Two images of 2 x 3 and the labels 7 and 9.
const imageBytes = [0, 0, 8, 3, ...word(2), ...word(2), ...word(3), 1, 2, 3, 4, 5, 6, 250, 251, 252, 253, 254, 255];
const labelBytes = [0, 0, 8, 1, ...word(2), 7, 9];

function failure(run: () => unknown): DataFormatError {
  try {
    run();
  } catch (error) {
    if (error instanceof DataFormatError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('IDX', () => {
  it('reads images and labels', () => {
    const data = parseIdxDataset(file('images', ...imageBytes), file('labels', ...labelBytes));
    expect([data.channels, data.height, data.width, data.classes]).toEqual([1, 2, 3, 10]);
    expect([...data.images]).toEqual([1, 2, 3, 4, 5, 6, 250, 251, 252, 253, 254, 255]);
    expect([...data.labels]).toEqual([7, 9]);
  });

  it('reads bytes that start in the middle of a larger buffer', () => {
    const whole = Uint8Array.of(99, 99, 99, ...labelBytes);
    expect([...parseIdx({ name: 'labels', bytes: whole.subarray(3) }).data]).toEqual([7, 9]);
  });

  it('names file and offset of every prefix of a file', () => {
    for (let length = 0; length < imageBytes.length; length++) {
      const error = failure(() => parseIdx(file('cut.idx', ...imageBytes.slice(0, length))));
      expect(error.file).toBe('cut.idx');
      expect(error.offset).toBe(length);
      expect(error.message).toContain('truncated');
    }
  });

  it('names the first byte beyond the array', () => {
    const error = failure(() => parseIdx(file('long.idx', ...imageBytes, 0)));
    expect(error.offset).toBe(imageBytes.length);
    expect(error.message).toContain('oversized');
  });

  it('refuses another magic number, element type or rank', () => {
    expect(failure(() => parseIdx(file('f', 1, 0, 8, 1, ...word(0)))).offset).toBe(0);
    expect(failure(() => parseIdx(file('f', 0, 0, 13, 1, ...word(0)))).offset).toBe(2);
    expect(failure(() => parseIdxDataset(file('labels', ...labelBytes), file('labels', ...labelBytes))).offset).toBe(3);
    expect(failure(() => parseIdxDataset(file('images', ...imageBytes), file('images', ...imageBytes))).offset).toBe(3);
  });

  it('refuses sizes whose product is far beyond the file', () => {
    const error = failure(() =>
      parseIdx(file('huge', 0, 0, 8, 3, ...word(2 ** 32 - 1), ...word(2 ** 32 - 1), ...word(2 ** 32 - 1))),
    );
    expect(error.message).toContain('truncated');
  });

  it('refuses a label outside the classes at its byte, and a count that differs', () => {
    const wrong = failure(() => parseIdxDataset(file('images', ...imageBytes), file('wrong', 0, 0, 8, 1, ...word(2), 7, 10)));
    expect([wrong.file, wrong.offset]).toEqual(['wrong', 9]);
    expect(failure(() => parseIdxDataset(file('images', ...imageBytes), file('few', 0, 0, 8, 1, ...word(1), 7))).file).toBe('few');
    expect(failure(() => parseIdxDataset(file('images', ...imageBytes), file('labels', ...labelBytes), 9)).offset).toBe(9);
  });
});

describe('CIFAR-10', () => {
  const entry = (label: number, first: number): number[] => [label, ...Array.from({ length: 3072 }, (_, i) => (first + i) & 255)];

  it('reads entries of one label and three planes', () => {
    const data = parseCifar10(file('batch', ...entry(3, 5), ...entry(9, 6)));
    expect([data.channels, data.height, data.width, data.classes]).toEqual([3, 32, 32, 10]);
    expect([...data.labels]).toEqual([3, 9]);
    expect(data.images.length).toBe(2 * 3072);
    expect([data.images[0], data.images[1], data.images[3072], data.images[3072 + 255]]).toEqual([5, 6, 6, 5]);
  });

  it('names the entry that is cut short', () => {
    const error = failure(() => parseCifar10(file('cut', ...entry(3, 0), ...entry(4, 0).slice(0, 100))));
    expect([error.file, error.offset]).toEqual(['cut', 3073]);
    expect(failure(() => parseCifar10(file('empty'))).offset).toBe(0);
  });

  it('refuses a label above 9 at its byte', () => {
    const error = failure(() => parseCifar10(file('wrong', ...entry(3, 0), ...entry(10, 0))));
    expect([error.file, error.offset]).toEqual(['wrong', 3073]);
  });
});

describe('gzip', () => {
  const pack = async (bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> =>
    new Uint8Array(await new Response(new Blob([bytes]).stream().pipeThrough(new CompressionStream('gzip'))).arrayBuffer());

  it('gives back what the platform compressed, and leaves other files alone', async () => {
    const bytes = Uint8Array.from({ length: 100_000 }, (_, i) => (i * i) >> 3);
    expect((await gunzip({ name: 'f.gz', bytes: await pack(bytes) })).bytes).toEqual(bytes);
    const plain = file('plain', ...labelBytes);
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
