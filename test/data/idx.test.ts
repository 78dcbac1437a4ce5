/** @file The parser of IDX files, on files written here by hand. */
import { describe, expect, it } from 'vitest';
import { parseIdx, parseIdxDataset } from '../../src/data/index.ts';
import { failure, file } from '../support/data-file.ts';

const word = (n: number): number[] => [n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255, n & 255];

// Two images of 2 x 3 and the labels 7 and 9.
const imageBytes = [0, 0, 8, 3, ...word(2), ...word(2), ...word(3), 1, 2, 3, 4, 5, 6, 250, 251, 252, 253, 254, 255];
const labelBytes = [0, 0, 8, 1, ...word(2), 7, 9];

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
