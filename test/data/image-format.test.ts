/** @file What files say of themselves: sizes of every format, and limits and truncation before anything is decoded. */
import { deflateSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { DataFormatError, LimitError } from '../../src/contract/errors.ts';
import { crc32 } from '../../src/data/crc32.ts';
import { checkImage } from '../../src/data/index.ts';
import { goldenImages } from '../support/golden-images.ts';

it.for(goldenImages)('$name says its size, as stored', ({ name, file, width, height }) => {
  const header = checkImage({ name, bytes: file });
  const turned = /Oriented[5-8]$/.test(name);
  expect(header).toEqual({
    format: name.startsWith('png') ? 'PNG' : name.startsWith('jpeg') ? 'JPEG' : 'WebP',
    width: turned ? height : width,
    height: turned ? width : height,
    cmyk: name === 'jpegCmyk',
  });
});

/** A PNG of one grey level, whole by its checksums, that declares its size; its data are that size too if `full`. */
function blank(side: number, full: boolean): Uint8Array<ArrayBuffer> {
  const chunk = (type: string, data: Uint8Array): Buffer => {
    const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
    const frame = Buffer.alloc(8);
    frame.writeUInt32BE(data.length);
    frame.writeUInt32BE(crc32(body), 4);
    return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)]);
  };
  const sizes = Buffer.alloc(13);
  sizes.writeUInt32BE(side, 0);
  sizes.writeUInt32BE(side, 4);
  sizes.set([1, 0, 0, 0, 0], 8);
  // One bit a pixel, and a filter byte a row.
  const rows = deflateSync(new Uint8Array(full ? side * (1 + Math.ceil(side / 8)) : 1), { level: 9 });
  return Uint8Array.from(
    Buffer.concat([
      Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
      chunk('IHDR', sizes),
      chunk('IDAT', rows),
      chunk('IEND', new Uint8Array(0)),
    ]),
  );
}

it('an image of 16,000 x 16,000 and one of 60,000 x 60,000 pixels are refused by their headers, in no time and by name', () => {
  for (const [side, full] of [
    [16_000, true],
    [60_000, false],
  ] as const) {
    const bytes = blank(side, full);
    expect(bytes.length).toBeLessThan(500_000);
    const start = performance.now();
    expect(() => checkImage({ name: 'big.png', bytes })).toThrow(
      `big.png: ${side} x ${side} pixels in ${bytes.length} bytes are more than`,
    );
    expect(() => checkImage({ name: 'big.png', bytes })).toThrow(LimitError);
    expect(performance.now() - start).toBeLessThan(200);
  }
  expect(checkImage({ name: 'a.png', bytes: blank(8192, false) }).width).toBe(8192);
});

it('the checksum is the published one', () => {
  // The check value of CRC-32/ISO-HDLC.
  expect(crc32(new TextEncoder().encode('123456789'))).toBe(0xcbf43926);
  expect(crc32(new TextEncoder().encode('6789'), crc32(new TextEncoder().encode('12345')))).toBe(0xcbf43926);
});

it('files that are no images, empty, or of no pixels are refused by name', () => {
  const text = new TextEncoder().encode('GIF89a, which is not read here');
  expect(() => checkImage({ name: 'a.png', bytes: text })).toThrow('a.png at byte 0: neither a PNG nor a JPEG nor a WebP image');
  expect(() => checkImage({ name: 'a.png', bytes: new Uint8Array(0) })).toThrow('the file is empty');
  expect(() => checkImage({ name: 'a.png', bytes: blank(0, false) })).toThrow(DataFormatError);
});

it('a JPEG of a hundred scans and more is refused', () => {
  const { file } = goldenImages.find(({ name }) => name === 'jpegProgressive')!;
  const scan = Uint8Array.of(0xff, 0xda, 0, 2);
  const many = Uint8Array.from([...file.subarray(0, -2), ...Array.from({ length: 101 }, () => [...scan]).flat(), 0xff, 0xd9]);
  expect(() => checkImage({ name: 'a.jpg', bytes: many })).toThrow(LimitError);
});
