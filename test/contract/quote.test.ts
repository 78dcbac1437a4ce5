/** @file Words from outside stay on one line of a message. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { quote } from '../../src/contract/quote.ts';

it('leaves a printable word as it is, between quotes', () => {
  expect(quote('sep_conv_3x3')).toBe("'sep_conv_3x3'");
  expect(quote('größe α 𝛼')).toBe("'größe α 𝛼'");
});

it('escapes what ends a line, moves a cursor or turns the direction of writing', () => {
  expect(quote('a\nb\r\tc\u001b[2J\u2028\u202e')).toBe("'a\\nb\\r\\tc\\u001b[2J\\u2028\\u202e'");
});

it('any text becomes one line of bounded length that UTF-8 can hold', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 100 }), fc.nat(60), (text, most) => {
      const quoted = quote(text, most);
      expect(quoted).not.toMatch(/\p{Cc}/u);
      expect(quoted.length).toBeLessThanOrEqual(6 * (most + 3) + 2);
      expect(new TextDecoder().decode(new TextEncoder().encode(quoted))).toBe(quoted);
    }),
  );
});

it('a long text is cut, and the cut is seen', () => {
  expect(quote('abcdef', 3)).toBe("'abc...'");
});
