/** @file Counts the turns of the event loop, and the longest time that a timer was kept waiting. */

export interface Turns {
  /** How often a task of somebody else had its turn. */
  readonly count: number;
  /** Milliseconds between two calls of a timer that is due at once, at the most. */
  readonly longestGap: number;
}

/** Queues a task at the end of the queue, by the means that this runtime has. */
const queueTask: (task: () => void) => void = (() => {
  if (typeof setImmediate === 'function') return (task: () => void) => void setImmediate(task);
  const waiting: (() => void)[] = [];
  const { port1, port2 } = new MessageChannel();
  port1.addEventListener('message', () => waiting.shift()?.());
  port1.start();
  return (task: () => void) => {
    waiting.push(task);
    port2.postMessage(undefined);
  };
})();

/** What others had of the event loop while `work` ran. */
export async function turnsDuring(work: () => Promise<void>): Promise<Turns> {
  let count = 0;
  let longestGap = 0;
  let done = false;
  const task = (): void => {
    count++;
    if (!done) queueTask(task);
  };
  let before = performance.now();
  const beat = (): void => {
    const now = performance.now();
    longestGap = Math.max(longestGap, now - before);
    before = now;
  };
  const timer = setInterval(beat, 0);
  queueTask(task);
  try {
    await work();
  } finally {
    done = true;
    clearInterval(timer);
  }
  beat();
  return { count, longestGap };
}
