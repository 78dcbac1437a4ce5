/** @file The parser of CIFAR-10's binary files, on files written here by hand. */
import { describe, expect, it } from 'vitest';
import { parseCifar10 } from '../../src/data/index.ts';
import { failure, file } from '../support/data-file.ts';

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
