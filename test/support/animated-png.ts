/** @file An animated PNG (APNG, PNG specification of 2025, section 11.3.4) from one that is not: a second, black frame is added. */
import { crc32 } from '../../src/data/crc32.ts';

const uint32 = (value: number): number[] => [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];

function chunk(type: string, data: readonly number[] | Uint8Array): number[] {
  const named = Uint8Array.from([...new TextEncoder().encode(type), ...data]);
  return [...uint32(data.length), ...named, ...uint32(crc32(named))];
}

/** zlib's format, of what both Node and a page have. */
async function deflated(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream('deflate'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** `png` is of 8 bits and three colours. */
export async function animatedPng(
  png: Uint8Array,
  { width, height }: { readonly width: number; readonly height: number },
): Promise<Uint8Array<ArrayBuffer>> {
  const view = new DataView(png.buffer, png.byteOffset, png.byteLength);
  const frame = (sequence: number): number[] =>
    // Sizes, no offset, 1/10 s, kept on the screen, in place of what was there.
    chunk('fcTL', [...[sequence, width, height, 0, 0].flatMap(uint32), 0, 1, 0, 10, 0, 0]);
  const black = await deflated(new Uint8Array(height * (1 + 3 * width)));
  const out = [...png.subarray(0, 8)];
  let begun = false;
  for (let at = 8; at < png.length;) {
    const length = 12 + view.getUint32(at);
    const type = String.fromCharCode(...png.subarray(at + 4, at + 8));
    if (type === 'IDAT' && !begun) {
      out.push(...chunk('acTL', [...uint32(2), ...uint32(0)]), ...frame(0));
      begun = true;
    }
    if (type === 'IEND') out.push(...frame(1), ...chunk('fdAT', [...uint32(2), ...black]));
    out.push(...png.subarray(at, at + length));
    at += length;
  }
  return Uint8Array.from(out);
}
