/**
 * @file Two copies of this package in one program: each has tensors, graphs and scopes of its own, so one that is given the other's says so. They
 * know one another's by a name that every copy gives its class, `reparam tensor` or `reparam module`.
 */
import { OptionError } from './errors.ts';

/** False for what is no `what` at all; an error where another copy of this package made it. */
export function refuseOtherCopy(what: 'tensor' | 'module', value: unknown): false {
  if (typeof value === 'object' && value !== null && `reparam ${what}` in value) {
    throw new OptionError(
      `two copies of reparam are loaded, and one was given a ${what} of the other: install it once (npm ls reparam, npm dedupe), ` +
        'import it by one name and bundle it once',
    );
  }
  return false;
}
