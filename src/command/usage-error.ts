/** @file The error of a command line that cannot be obeyed. */
import { ReparamError } from '../contract/errors.ts';

/** A flag or argument has a value that the command cannot use; the message names the flag. Exit code 2. */
export class UsageError extends ReparamError {
  override name = 'UsageError';
}
