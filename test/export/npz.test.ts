/** @file Npz: an archive of npy files as their specifications say, checksums included. */
import { describe, expect, it } from 'vitest';
import { writeNpz } from '../../src/export/index.ts';

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

describe('npz', () => {
  const archive = writeNpz({
    'stem.weight': { shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) },
    bias: { shape: [1], data: Float64Array.of(-1) },
    seed: { shape: [], data: Uint32Array.of(7) },
  });

  /** The members of a zip archive, found through its central directory alone. */
  function members(bytes: Uint8Array): Map<string, { content: Uint8Array; crc: number }> {
    const at = view(bytes);
    const end = bytes.length - 22;
    expect(at.getUint32(end, true)).toBe(0x06054b50);
    const out = new Map<string, { content: Uint8Array; crc: number }>();
    let entry = at.getUint32(end + 16, true);
    for (let i = 0; i < at.getUint16(end + 10, true); i++) {
      expect(at.getUint32(entry, true)).toBe(0x02014b50);
      const nameLength = at.getUint16(entry + 28, true);
      const local = at.getUint32(entry + 42, true);
      expect(at.getUint32(local, true)).toBe(0x04034b50);
      const start = local + 30 + at.getUint16(local + 26, true) + at.getUint16(local + 28, true);
      const content = bytes.subarray(start, start + at.getUint32(entry + 20, true));
      out.set(text(bytes.subarray(entry + 46, entry + 46 + nameLength)), { content, crc: at.getUint32(entry + 16, true) });
      entry += 46 + nameLength + at.getUint16(entry + 30, true) + at.getUint16(entry + 32, true);
    }
    expect(entry).toBe(end);
    return out;
  }

  it('is a zip archive of one npy file a tensor', () => {
    expect([...members(archive).keys()]).toEqual(['stem.weight.npy', 'bias.npy', 'seed.npy']);
  });

  it('each npy file has its magic, an aligned header as a Python literal, and the elements', () => {
    const headers = [...members(archive).values()].map(({ content }) => {
      expect([...content.subarray(0, 8)]).toEqual([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0]);
      const length = view(content).getUint16(8, true);
      expect((10 + length) % 64).toBe(0);
      return [text(content.subarray(10, 10 + length)).trimEnd(), content.length - 10 - length];
    });
    expect(headers).toEqual([
      ["{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", 24],
      ["{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }", 8],
      ["{'descr': '<u4', 'fortran_order': False, 'shape': (), }", 4],
    ]);
    expect(view(members(archive).get('stem.weight.npy')!.content).getFloat32(128 + 8, true)).toBe(3);
  });

  it('checksums are CRC-32: bit by bit division by the polynomial gives the same', () => {
    for (const { content, crc } of members(archive).values()) {
      let remainder = 0xffffffff;
      for (const byte of content) {
        remainder ^= byte;
        for (let i = 0; i < 8; i++) remainder = remainder & 1 ? (remainder >>> 1) ^ 0xedb88320 : remainder >>> 1;
      }
      expect(crc).toBe(~remainder >>> 0);
    }
  });
});
