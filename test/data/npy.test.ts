/** @file Arrays as NumPy writes them, of every type and order, and what is refused of them. */
import { expect, it } from 'vitest';
import { DataFormatError } from '../../src/contract/errors.ts';
import { parseNpy, readNpz } from '../../src/data/index.ts';
import golden from '../golden/npz.json' with { type: 'json' };
import { npyBytes, npyOfBytes } from '../support/npz.ts';

const file = (base64: string): { name: string; bytes: Uint8Array } => ({ name: 'f.npz', bytes: Buffer.from(base64, 'base64') });

/** Element i of scripts/golden/npz.py. */
const element = (i: number): number => (7 * i + 3) % 251;

it.for(Object.entries(golden.types))('%s has the numbers that NumPy wrote', async ([type, base64]) => {
  const { a } = await readNpz(file(base64));
  expect([a!.shape, a!.kind, a!.width]).toEqual([[3, 4], type[1], Number(type[2])]);
  expect([...a!.data]).toEqual(
    Array.from({ length: 12 }, (_, i) =>
      type === '|b1' ? Math.min(1, element(i)) : type === '|i1' ? (element(i) << 24) >> 24 : element(i),
    ),
  );
});

it.for(Object.entries(golden.fortran))('%s in Fortran order is read row by row', async ([, base64]) => {
  const { a } = await readNpz(file(base64));
  expect(a!.shape).toEqual([2, 3, 4, 5]);
  expect([...a!.data]).toEqual(Array.from({ length: 120 }, (_, i) => element(i)));
});

it('a scalar has no axes, and an array may be empty', async () => {
  const [scalar, empty] = [await readNpz(file(golden.scalar)), await readNpz(file(golden.empty))];
  expect([scalar['a']!.shape, [...scalar['a']!.data]]).toEqual([[], [1.5]]);
  expect([empty['a']!.shape, empty['a']!.data.length]).toEqual([[0, 3], 0]);
});

it('half floats have their subnormals, infinities and NaN', () => {
  const bits = [0x0001, 0x83ff, 0x0400, 0x3c01, 0x7bff, 0x7c00, 0xfc00, 0x7e00];
  const bytes = npyBytes({ descr: '<f2', shape: [8] }, Uint8Array.from(bits.flatMap((b) => [b & 255, b >> 8])));
  // IEEE 754: the smallest subnormal, the largest one, the smallest normal, the next after 1, the largest.
  const expected = [2 ** -24, -(1023 / 1024) * 2 ** -14, 2 ** -14, 1 + 2 ** -10, 65504, Infinity, -Infinity, NaN];
  expect([...parseNpy({ name: 'f', bytes }).data]).toEqual(expected);
});

const whole = npyOfBytes([2, 3], [1, 2, 3, 4, 5, 6]);
const retyped = (from: string, to: string): Uint8Array =>
  Buffer.from(Buffer.from(whole).toString('latin1').replace(from, to), 'latin1');

it.for([
  ['another file', new TextEncoder().encode('no NumPy array'), 'does not begin with'],
  ['a version to come', Uint8Array.from(whole, (b, i) => (i === 6 ? 9 : b)), 'version 9'],
  ['a cut header', whole.subarray(0, 40), 'the header is cut short'],
  ['fewer elements', whole.subarray(0, whole.length - 1), 'truncated'],
  ['more elements', Uint8Array.from([...whole, 0]), 'oversized'],
  ['pickled objects', retyped("'|u1'", "'|O' "), 'convert them with astype'],
  ['complex numbers', retyped("'|u1'", "'<c8'"), 'are not read'],
  ['a field without a value', retyped('(2, 3)', '      '), 'the header is not'],
  ['a negative size', retyped('(2, 3)', '(-2,3)'), 'the header is not'],
  ['no dictionary', retyped('{', '('), 'no dictionary'],
] as const)('%s is refused', ([, bytes, message]) => {
  expect(() => parseNpy({ name: 'a.npy', bytes })).toThrow(DataFormatError);
  expect(() => parseNpy({ name: 'a.npy', bytes })).toThrow(message);
});

it('integers beyond 2^53 are refused, for float64 has no room for them', () => {
  const bytes = npyBytes({ descr: '<i8', shape: [2] }, Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 64, 0));
  expect(() => parseNpy({ name: 'a.npy', bytes })).toThrow('element 1 is 18014398509481985, beyond 2^53');
});
