/** @file SHA-256 against the examples of its standard and against OpenSSL's, however the bytes are divided. */
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { sha256 } from '../../src/export/index.ts';

const text = (s: string): Uint8Array => new TextEncoder().encode(s);

it.each([
  ['', 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
  ['abc', 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
  ['abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq', '248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1'],
])('gives the digest that the standard prints for %j', (message, digest) => {
  expect(sha256(text(message))).toBe(digest);
});

it('gives what OpenSSL gives for any bytes in any parts', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 5 }), (parts) => {
      expect(sha256(...parts)).toBe(createHash('sha256').update(Buffer.concat(parts)).digest('hex'));
    }),
    { seed: 1, numRuns: 500 },
  );
});
