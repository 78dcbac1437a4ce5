/** @file The tokens of a Python literal, and the error that says where in the text one was expected. */
import { GenotypeError } from '../../../contract/errors.ts';
import { quote } from '../../../contract/quote.ts';

export type TokenKind = 'name' | 'number' | 'string' | 'mark' | 'end' | 'other';

export interface Token {
  readonly kind: TokenKind;
  /** As it stands there; of a string, what is between its quotes. */
  readonly text: string;
  /** Its first character, from 0. */
  readonly at: number;
}

// Bounded, so that no text is too long for an expression: what is longer is cut in two, and refused.
const NAME = /[A-Za-z_]\w{0,99}(?:\.[A-Za-z_]\w{0,99}){0,9}/y;
const NUMBER = /\d{1,20}/y;
/** With Python's prefixes; nothing escaped, on one line. */
const STRING = /[uUbBrR]?(?:'([^'\\\n\r]{0,200})'|"([^"\\\n\r]{0,200})")/y;
const MARK = /[()[\],=]/y;

/** The tokens of a text from a place on, one at a time: the next one is read only when it is asked for. */
export class Tokens {
  readonly #text: string;
  #after: number;
  #next: Token | undefined;

  constructor(text: string, from: number) {
    this.#text = text;
    this.#after = from;
  }

  /** The next token, which stays the next. */
  get next(): Token {
    return (this.#next ??= this.#read());
  }

  take(): Token {
    const token = this.next;
    this.#next = undefined;
    return token;
  }

  /** Takes the next token if it is this mark or name. */
  takeIf(text: string): boolean {
    const { next } = this;
    if ((next.kind !== 'mark' && next.kind !== 'name') || next.text !== text) return false;
    this.take();
    return true;
  }

  /** The error that something else was expected at a token (the next one, unless said), and perhaps why. */
  expected(what: string, at: Token = this.next, why?: string): GenotypeError {
    const shown = at.kind === 'string' ? quote(at.text) : at.kind === 'end' ? 'the end' : quote(this.#from(at));
    return this.refuse(what, at, `found ${shown}${why === undefined ? '' : `: ${why}`}`);
  }

  /** The same where the fault is not the token but what begins there. */
  refuse(what: string, at: Token, found: string): GenotypeError {
    const before = this.#text.slice(0, at.at);
    const lines = before.split(/\r\n|\n|\r/);
    const place = { position: at.at, line: lines.length, column: Array.from(lines.at(-1)!).length + 1, expected: what };
    return new GenotypeError(`parseGenotype: expected ${what}, ${found}`, place);
  }

  /** What stands there: a name or a number whole, else some characters. */
  #from({ kind, text, at }: Token): string {
    return kind === 'other' ? this.#text.slice(at, at + 20) : text;
  }

  #read(): Token {
    this.#skipSpace();
    const at = this.#after;
    const string = this.#match(STRING);
    if (string) return { kind: 'string', text: string[1] ?? string[2]!, at };
    for (const [kind, pattern] of [
      ['name', NAME],
      ['number', NUMBER],
      ['mark', MARK],
    ] as const) {
      const found = this.#match(pattern);
      if (found) return { kind, text: found[0], at };
    }
    return { kind: at < this.#text.length ? 'other' : 'end', text: this.#text.charAt(at), at };
  }

  /** Blanks, comments, and the ends of lines that are continued. */
  #skipSpace(): void {
    const text = this.#text;
    for (;;) {
      const character = text.charAt(this.#after);
      if (character === '#') while (this.#after < text.length && !/[\n\r]/.test(text.charAt(this.#after))) this.#after++;
      else if (/\s/.test(character) || (character === '\\' && /[\n\r]/.test(text.charAt(this.#after + 1)))) this.#after++;
      else return;
    }
  }

  #match(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#after;
    const found = pattern.exec(this.#text);
    if (!found) return undefined;
    this.#after += found[0].length;
    return found;
  }
}
