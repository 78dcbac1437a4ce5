/** @file Sizes and colours against pictures computed by hand, and properties of the filter. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { DataFileError } from '../../src/contract/errors.ts';
import { type Dataset, interleaved, planar, type Reading, resample, resampleDataset } from '../../src/data/index.ts';

/** One channel's picture, rows after one another. */
function read(rows: readonly (readonly number[])[], reading: Reading, out: number): number[] {
  const [height, width] = [rows.length, rows[0]!.length];
  const result = new Uint8Array(out);
  resample('f', planar(Uint8Array.from(rows.flat()), 1, height, width), reading, result);
  return [...result];
}

it('growing is bilinear with centres at half pixels: [0, 100] in four is [0, 25, 75, 100]', () => {
  const row = [0, 25, 75, 100];
  expect(
    read(
      [
        [0, 100],
        [0, 100],
      ],
      { size: 4 },
      16,
    ),
  ).toEqual([row, row, row, row].flat());
  // The same from top to bottom, and a stretch of two to one.
  expect(read([[0], [100]], { size: 4, fit: 'stretch' }, 16)).toEqual(row.flatMap((v) => [v, v, v, v]));
});

it('shrinking is a mean weighted by a triangle: of [0, 100, 200, 40] to two, (3, 3, 1) / 7 and (1, 3, 3) / 7', () => {
  const row = [0, 100, 200, 40];
  const left = Math.round((3 * row[0]! + 3 * row[1]! + row[2]!) / 7);
  const right = Math.round((row[1]! + 3 * row[2]! + 3 * row[3]!) / 7);
  expect([left, right]).toEqual([71, 117]);
  expect(read([row, row, row, row], { size: 2 }, 4)).toEqual([left, right, left, right]);
});

it('a centre crop takes the square in the middle, of an odd rest the left and upper one; a stretch takes all', () => {
  expect(
    read(
      [[1, 2, 3, 4, 5]].flatMap((r) => [r, r.map((v) => v + 10)]),
      { size: 2 },
      4,
    ),
  ).toEqual([2, 3, 12, 13]);
  expect(read([[1], [2], [3], [4]], { size: 1 }, 1)).toEqual([2]);
  expect(read([[0, 0, 90, 90]], { size: 1, fit: 'stretch' }, 1)).toEqual([45]);
  expect(read([[0, 0, 90, 90]], { size: 1, fit: 'crop' }, 1)).toEqual([0]);
});

it('grey is 0.299 R + 0.587 G + 0.114 B, and colour of grey is its value three times', () => {
  const grey = new Uint8Array(4);
  resample('f', interleaved(Uint8Array.of(255, 0, 0, 0, 255, 0, 0, 0, 255, 10, 20, 30), 3, 2, 2, 3), { colour: 'grey' }, grey);
  expect([...grey]).toEqual([76, 150, 29, 18]);
  const colour = new Uint8Array(6);
  resample('f', planar(Uint8Array.of(7, 9), 1, 1, 2), { colour: 'rgb' }, colour);
  expect([...colour]).toEqual([7, 9, 7, 9, 7, 9]);
  const two = planar(Uint8Array.of(7, 9), 2, 1, 1);
  expect(() => resample('f.npz', two, { colour: 'grey' }, grey)).toThrow('f.npz: images of 2 channels are neither colour nor grey');
});

it('any picture stays within its values, a constant one stays, and mirrored ones come out mirrored', () => {
  const picture = fc
    .tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 12 }))
    .chain(([h, w, size]) =>
      fc.record({
        rows: fc.array(fc.array(fc.nat(255), { minLength: w, maxLength: w }), { minLength: h, maxLength: h }),
        size: fc.constant(size),
        fit: fc.constantFrom('crop' as const, 'stretch' as const),
      }),
    );
  fc.assert(
    fc.property(picture, ({ rows, size, fit }) => {
      const all = rows.flat();
      const out = read(rows, { size, fit }, size * size);
      for (const value of out) expect(value >= Math.min(...all) && value <= Math.max(...all)).toBe(true);
      expect(
        read(
          rows.map((row) => row.map(() => 77)),
          { size, fit },
          size * size,
        ),
      ).toEqual(out.map(() => 77));
      // A crop of an odd rest is not symmetric.
      if (fit === 'crop' && (rows[0]!.length - rows.length) % 2 !== 0) return;
      const mirrored = read(
        rows.map((row) => row.toReversed()),
        { size, fit },
        size * size,
      );
      for (let i = 0; i < out.length; i++) {
        const there = mirrored[i - (i % size) + (size - 1 - (i % size))]!;
        // Sums in another order may round a half otherwise.
        expect(Math.abs(out[i]! - there)).toBeLessThanOrEqual(1);
      }
    }),
    { numRuns: 300 },
  );
});

it('a picture in its own size is itself, and the order of its bytes in memory does not matter', () => {
  const data = Uint8Array.from({ length: 3 * 4 * 4 }, (_, i) => (i * 37) & 255);
  const out = new Uint8Array(48);
  resample('f', planar(data, 3, 4, 4), { size: 4, colour: 'rgb' }, out);
  expect([...out]).toEqual([...data]);
  const woven = Uint8Array.from({ length: 48 }, (_, i) => data[(i % 3) * 16 + Math.floor(i / 3)]!);
  for (const size of [2, 4, 7]) {
    const [a, b] = [new Uint8Array(3 * size * size), new Uint8Array(3 * size * size)];
    resample('f', planar(data, 3, 4, 4), { size }, a);
    resample('f', interleaved(woven, 3, 4, 4, 3), { size }, b);
    expect([...a]).toEqual([...b]);
  }
});

it('a data set of bytes or floats is brought to a size; floats are not rounded, vectors are refused', () => {
  const labels = Uint8Array.of(0, 1);
  const bytes: Dataset = {
    images: Uint8Array.of(0, 100, 0, 100, 50, 50, 50, 50),
    labels,
    channels: 1,
    height: 2,
    width: 2,
    classes: 2,
  };
  const small = resampleDataset('f', bytes, { size: 1 });
  expect([[...small.images], small.height, small.width, small.labels]).toEqual([[50, 50], 1, 1, labels]);
  const floats = resampleDataset('f', { ...bytes, images: Float32Array.of(0, 1, 0, 1, -1, -1, -1, 2) }, { size: 1 });
  expect([...floats.images]).toEqual([0.5, -0.25]);
  const vectors: Dataset = { ...bytes, channels: 4, height: 1, width: 1, shape: [4] };
  expect(() => resampleDataset('f', vectors, { size: 1 })).toThrow(DataFileError);
  expect(resampleDataset('f', vectors, {})).toBe(vectors);
});
