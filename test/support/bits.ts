/** @file A digest of results to the bit. */

/** FNV-1a of 32 bits over the bytes of some arrays, as hexadecimal digits: the same wherever every bit is. */
export function digest(arrays: readonly ArrayBufferView[]): string {
  let hash = 0x811c9dc5;
  for (const { buffer, byteOffset, byteLength } of arrays) {
    for (const byte of new Uint8Array(buffer, byteOffset, byteLength)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  }
  return hash.toString(16).padStart(8, '0');
}
