/** @file Words from outside in a message: one line, whatever they hold. */

/** The text in quotes, its control characters and line ends escaped, cut after `most` characters (UTF-16 units). */
export function quote(text: string, most = 40): string {
  const start = text.length > most ? `${text.slice(0, most)}...` : text;
  const escaped = start.replace(UNSEEN, (unit) => {
    const short = SHORT[unit];
    return short ?? `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
  return `'${escaped}'`;
}

/** What ends a line, moves a terminal's cursor, turns the direction of writing or cannot be encoded. */
const UNSEEN = /[\p{Cc}\p{Cs}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;
const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };
