/** @file CRC-32 as gzip, zip and PNG have it: reflected polynomial 0xEDB88320. Source: ISO 3309, RFC 1952. */

/** The checksum of the bytes, or, with the checksum of what came before them, of both together. One table look-up a byte. */
export function crc32(bytes: Uint8Array, before = 0): number {
  let crc = ~before;
  for (let i = 0; i < bytes.length; i++) crc = (crc >>> 8) ^ TABLE[(crc ^ bytes[i]!) & 255]!;
  return ~crc >>> 0;
}

const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let i = 0; i < 8; i++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1;
  return c;
});
