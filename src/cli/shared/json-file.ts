/** @file JSON in a file of ours: what it says, or one line that names the file. */
import { DataFileError } from '../../contract/errors.ts';
import { quote } from '../../contract/quote.ts';

/** The value in a file's text. DataFileError naming the file where it is not JSON; the engine's words may hold the text's line ends, which are escaped. */
export function jsonIn(file: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new DataFileError(
      `${file} is not JSON: ${quote(cause instanceof Error ? cause.message : String(cause), 200).slice(1, -1)}`,
      { cause },
    );
  }
}
