/** @file Safetensors: what is written is what the format says, and comes back unchanged. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DataFormatError, OptionError } from '../../src/contract/errors.ts';
import { readSafetensors, writeSafetensors } from '../../src/export/index.ts';
import type { StateDict } from '../../src/nn/module.ts';

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** A state dict of random names, shapes and element types. */
const states: fc.Arbitrary<StateDict> = fc
  .dictionary(
    fc.stringMatching(/^[a-zé.0-9]{1,12}$/),
    fc.tuple(fc.array(fc.nat(3), { maxLength: 3 }), fc.constantFrom('F32', 'F64', 'U32'), fc.nat(1000)),
    { maxKeys: 6 },
  )
  .map((entries) =>
    Object.fromEntries(
      Object.entries(entries).map(([name, [shape, dtype, seed]]) => {
        const values = Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => (seed * 7919 + i * 104_729) % 10_007);
        const data =
          dtype === 'U32'
            ? Uint32Array.from(values)
            : dtype === 'F32'
              ? Float32Array.from(values, (v) => v / 7)
              : Float64Array.from(values, (v) => v / 7);
        return [name, { shape, data }];
      }),
    ),
  );

describe('safetensors', () => {
  it('gives back names, shapes, types, elements and metadata', () => {
    fc.assert(
      fc.property(states, fc.dictionary(fc.string(), fc.string(), { noNullPrototype: true }), (state, metadata) => {
        const read = readSafetensors({ name: 'f', bytes: writeSafetensors(state, metadata) });
        expect(read.tensors).toEqual(Object.fromEntries(Object.entries(state)));
        expect(read.metadata).toEqual(metadata);
      }),
      { seed: 1, numRuns: 200 },
    );
  });

  it('keeps every bit of NaN, infinities and the sign of zero', () => {
    const words = Uint32Array.of(0x7fc01234, 0xff800000, 0x80000000, 1);
    const bytes = writeSafetensors({ x: { shape: [4], data: new Float32Array(words.buffer) } });
    const { data } = readSafetensors({ name: 'f', bytes }).tensors['x']!;
    expect([...new Uint32Array(data.buffer)]).toEqual([...words]);
  });

  it('has the layout of the specification: length, JSON padded with spaces to 8 bytes, elements without holes', () => {
    fc.assert(
      fc.property(states, (state) => {
        const bytes = writeSafetensors(state);
        const length = Number(view(bytes).getBigUint64(0, true));
        const json = text(bytes.subarray(8, 8 + length));
        expect(length % 8).toBe(0);
        expect(json).toMatch(/^\{.*\} *$/s);
        const header = JSON.parse(json) as Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }>;
        let end = 0;
        for (const { dtype, shape, data_offsets: offsets } of Object.values(header).sort(
          (a, b) => a.data_offsets[1] - b.data_offsets[1] || 0,
        )) {
          const width = dtype === 'F64' ? 8 : 4;
          expect(offsets).toEqual([end, end + width * shape.reduce((a, b) => a * b, 1)]);
          expect((8 + length + offsets[0]) % width).toBe(0);
          end = offsets[1];
        }
        expect(bytes.length).toBe(8 + length + end);
      }),
      { seed: 2, numRuns: 100 },
    );
  });

  it('reads a file written by hand, header unpadded', () => {
    const json = '{"__metadata__":{"a":"b"},"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}';
    const bytes = new Uint8Array(8 + json.length + 8);
    view(bytes).setBigUint64(0, BigInt(json.length), true);
    bytes.set(new TextEncoder().encode(json), 8);
    view(bytes).setFloat32(8 + json.length, 1.5, true);
    view(bytes).setFloat32(12 + json.length, -2, true);
    const { tensors, metadata } = readSafetensors({ name: 'f', bytes });
    expect(tensors).toEqual({ w: { shape: [2], data: Float32Array.of(1.5, -2) } });
    expect(metadata).toEqual({ a: 'b' });
  });

  it('every prefix of a file, and one byte more, is refused with the file name and an offset inside it', () => {
    const whole = writeSafetensors({ a: { shape: [2], data: Float32Array.of(1, 2) }, b: { shape: [], data: Float64Array.of(3) } });
    const longer = new Uint8Array(whole.length + 1);
    longer.set(whole);
    for (const bytes of [longer, ...Array.from(whole, (_, i) => whole.subarray(0, i))]) {
      expect(() => readSafetensors({ name: 'damaged', bytes })).toThrow(DataFormatError);
      expect(() => readSafetensors({ name: 'damaged', bytes })).toThrow(/^damaged at byte \d+: /);
    }
  });

  it.each([
    ['[]', 'not a JSON object'],
    ['{', 'not JSON'],
    ['{"w":{"dtype":"BF16","shape":[],"data_offsets":[0,2]}}', 'BF16'],
    ['{"w":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}', 'shape'],
    ['{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}', 'takes 8 bytes'],
    ['{"w":{"dtype":"F32","shape":[],"data_offsets":[4,8]}}', 'starts at 4'],
    ['{"w":{"dtype":"F32","shape":[]}}', 'data_offsets'],
  ])('the header %s is refused', (json, message) => {
    const bytes = new Uint8Array(8 + json.length + 8);
    view(bytes).setBigUint64(0, BigInt(json.length), true);
    bytes.set(new TextEncoder().encode(json), 8);
    expect(() => readSafetensors({ name: 'f', bytes })).toThrow(message);
  });

  it('refuses to write the reserved name and data that do not fill the shape', () => {
    expect(() => writeSafetensors({ __metadata__: { shape: [], data: Float32Array.of(1) } })).toThrow(OptionError);
    expect(() => writeSafetensors({ w: { shape: [3], data: Float32Array.of(1) } })).toThrow('w has 1 elements');
  });
});
