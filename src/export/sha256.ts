/** @file SHA-256 in plain TypeScript, for pages: `crypto.subtle` answers only later, and a file is checked while it is read. Source: FIPS 180-4. */

/** The SHA-256 of these bytes one after another, as 64 lower-case hexadecimal digits. In Node, node:crypto computes the same faster. */
export type Sha256 = (...parts: readonly Uint8Array[]) => string;

const BLOCK = 64;

export const sha256: Sha256 = (...parts) => {
  const hash = Uint32Array.from(START);
  const words = new Uint32Array(BLOCK);
  const pending = new Uint8Array(BLOCK);
  const pendingWords = new DataView(pending.buffer);
  let filled = 0;
  let length = 0;
  for (const part of parts) {
    const view = new DataView(part.buffer, part.byteOffset, part.byteLength);
    length += part.length;
    let at = 0;
    if (filled > 0) {
      at = Math.min(BLOCK - filled, part.length);
      pending.set(part.subarray(0, at), filled);
      filled += at;
      if (filled < BLOCK) continue;
      addBlock(hash, words, pendingWords, 0);
      filled = 0;
    }
    for (; at + BLOCK <= part.length; at += BLOCK) addBlock(hash, words, view, at);
    pending.set(part.subarray(at));
    filled = part.length - at;
  }
  // A one bit, zeros, and the length in bits as the last eight bytes of a block.
  const tail = new Uint8Array(filled < BLOCK - 8 ? BLOCK : 2 * BLOCK);
  tail.set(pending.subarray(0, filled));
  tail[filled] = 0x80;
  const tailWords = new DataView(tail.buffer);
  tailWords.setBigUint64(tail.length - 8, BigInt(length) * 8n);
  for (let at = 0; at < tail.length; at += BLOCK) addBlock(hash, words, tailWords, at);
  return [...hash].map((word) => word.toString(16).padStart(8, '0')).join('');
};

function addBlock(hash: Uint32Array, words: Uint32Array, bytes: DataView, at: number): void {
  for (let t = 0; t < 16; t++) words[t] = bytes.getUint32(at + 4 * t);
  for (let t = 16; t < 64; t++) {
    const x = words[t - 15]!;
    const y = words[t - 2]!;
    const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
    const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
    words[t] = words[t - 16]! + s0 + words[t - 7]! + s1;
  }
  let [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = hash;
  for (let t = 0; t < 64; t++) {
    const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    const t1 = (h + s1 + ((e & f) ^ (~e & g)) + ROUNDS[t]! + words[t]!) | 0;
    const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + t1) | 0;
    d = c;
    c = b;
    b = a;
    a = (t1 + t2) | 0;
  }
  for (const [i, word] of [a, b, c, d, e, f, g, h].entries()) hash[i] = hash[i]! + word;
}

/** The first 32 bits after the point; a root in float64 has more than 48 of them. */
function fraction(root: number): number {
  return Math.floor((root - Math.floor(root)) * 2 ** 32);
}

/** Up to 311: 64 of them. */
const PRIMES: readonly number[] = Array.from({ length: 310 }, (_, i) => i + 2).filter((n) =>
  Array.from({ length: n - 2 }, (_, i) => i + 2).every((d) => n % d !== 0),
);
const START = PRIMES.slice(0, 8).map((p) => fraction(Math.sqrt(p)));
const ROUNDS = Int32Array.from(PRIMES, (p) => fraction(Math.cbrt(p)) | 0);
