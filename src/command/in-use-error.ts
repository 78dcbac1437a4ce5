/** @file The error of a folder in which another process is at work. */
import { ReparamError } from '../contract/errors.ts';

/** The folder is locked; the message names the process. Exit code 3. */
export class InUseError extends ReparamError {
  override name = 'InUseError';
}
