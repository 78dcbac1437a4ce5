/** @file Progress on the terminal: a bar that redraws itself, or a plain line now and then where the output is not a terminal. */

export class Progress {
  readonly #out: NodeJS.WriteStream;
  readonly #plainEvery: number;
  #lastPlain = -1;
  #drawn = false;

  /** `plainEvery`: in plain output, a line each time this fraction more is done. */
  constructor(out: NodeJS.WriteStream = process.stderr, plainEvery = 0.25) {
    this.#out = out;
    this.#plainEvery = plainEvery;
  }

  /** Shows that a fraction of [0, 1] is done, and a few words. */
  update(fraction: number, words: string): void {
    if (this.#out.isTTY) {
      const width = 24;
      const full = Math.round(fraction * width);
      this.#out.write(`\r\u001b[K[${'#'.repeat(full)}${'.'.repeat(width - full)}] ${percent(fraction)} ${words}`);
      this.#drawn = true;
      return;
    }
    const mark = Math.floor(fraction / this.#plainEvery);
    if (mark === this.#lastPlain) return;
    this.#lastPlain = mark;
    this.#out.write(`${percent(fraction)} ${words}\n`);
  }

  /** Clears the bar, so that a line can be printed. */
  clear(): void {
    if (this.#drawn) this.#out.write('\r\u001b[K');
    this.#drawn = false;
  }
}

/** A line on stderr about something unusual that was dealt with. */
export function note(line: string): void {
  process.stderr.write(`reparam: note: ${line}\n`);
}

function percent(fraction: number): string {
  return `${String(Math.round(fraction * 100)).padStart(3)} %`;
}
