/** @file The exit codes of every command line; docs/reliability.md lists them. */

/** Codes above 128 are 128 and the number of the signal that asked for the end, as shells count them. */
export const EXIT = {
  done: 0,
  /** Something could not be done, or was found wrong: the line on stderr says what. */
  failed: 1,
  /** The command line cannot be obeyed. */
  usage: 2,
  /** Another process is at work in the folder. */
  inUse: 3,
  /** A fault of reparam itself: sysexits' EX_SOFTWARE. */
  fault: 70,
  hangUp: 129,
  interrupted: 130,
  /** What reads the output has closed it. */
  brokenPipe: 141,
  terminated: 143,
} as const;
