/** @file Numbers from the host: nested arrays of one shape, and no more of them than the host can give. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cpu, type Device, LimitError, ShapeError } from '../../src/index.ts';
import { openDevice } from '../support/device.ts';

let devices: readonly Device[];
beforeAll(async () => {
  devices = [await openDevice(), cpu({ dtype: 'float32' }), cpu({ dtype: 'float32', simd: false })];
});
afterAll(() => devices.forEach((device) => device.destroy()));

const ragged: readonly (readonly [given: unknown, place: string])[] = [
  [[1, [2, 3]], '[1]'],
  [[[1, 2], 3], '[1]'],
  [[[1, 2], [3]], '[1]'],
  [
    [
      [
        [1, 2],
        [3, 4],
      ],
      [[5, 6], [7]],
    ],
    '[1][1]',
  ],
  [[1, 'x'], '[1]'],
  [[1, undefined], '[1]'],
];

describe('a nested array', () => {
  it.each(ragged)('%j is refused with the position %s', (given, place) => {
    for (const device of devices) {
      const make = (): unknown => device.tensor(given as number[]);
      expect(make, device.name).toThrow(ShapeError);
      expect(make, device.name).toThrow(place.replace(/^(\[.*\])$/, `at $1 `));
    }
  });

  it('of one shape is read in order, also where it is empty', async () => {
    for (const device of devices) {
      expect([
        ...(await device
          .tensor([
            [[1], [2]],
            [[3], [4]],
          ])
          .data()),
      ]).toEqual([1, 2, 3, 4]);
      expect(device.tensor([[], []]).shape).toEqual([2, 0]);
    }
  });
});

it('what is larger than the host or the adapter can give is a LimitError, and nothing is kept of it', async () => {
  for (const device of devices) {
    const before = device.memory();
    for (const shape of [[2 ** 33], [2 ** 20, 2 ** 20]]) expect(() => device.zeros(shape), device.name).toThrow(LimitError);
    expect(device.memory()).toEqual(before);
    // And it is of use afterwards.
    expect(await device.zeros([2]).data()).toHaveLength(2);
  }
});
