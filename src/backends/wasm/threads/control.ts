/**
 * @file The words that threads share, and how they are used. `reparam-worker.js` has the same numbers.
 *
 * Calls are claimed one by one: TURN holds the number of the batch and the next call of it that nobody has claimed, and who raises it by
 * one has the call. So a worker that sleeps, or that the system has put aside, costs nothing: the others claim its calls.
 */

/** Positions of 32-bit words. */
export const WORD = {
  /** The batch's number times 4096, and the next call of it. */
  turn: 0,
  /** Calls of the batch. */
  count: 1,
  /** Calls of the batch that workers have done. */
  done: 2,
  /** The device that the batch is of. */
  device: 3,
  /** Address of the batch's list of calls, in units of 8 bytes. */
  list: 4,
  /** Workers that take part are those below this number. */
  workers: 5,
  /** Where scratch memory lies, and how far it is from one thread's to the next's, in units of 8 bytes. */
  scratch: 6,
  scratchStep: 7,
  /** Rises when whoever sleeps has to look. */
  wake: 8,
  /** Workers that sleep. */
  sleeping: 9,
  /** 1 once a call has failed. */
  failed: 10,
  /** 1 while the caller sleeps until more calls are done, which only Node lets it do. */
  callerSleeps: 11,
  /** From here on, for each worker: the messages that were posted to it, and those that it has read. */
  posted: 32,
  read: 64,
} as const;

export const CONTROL_WORDS = 96;

/** Threads that a device may have, the caller's among them. */
export const MOST_THREADS = 32;

export const BATCH = 4096;
/** In the next call's place: the batch is over. A batch has fewer calls. */
export const CLOSED: number = BATCH - 1;

/** A call as workers read it, in 64-bit floats: the function's number, 1 if scratch memory is added, the parameters' number, the parameters. */
export const CALL_HEAD = 3;
