/** @file A turn of the event loop between two pieces of work, so that timers, signals, input and pictures are not kept waiting. */
import type { StopSignal } from '../contract/stop-signal.ts';

/** Puts a function at the end of the queue of tasks. */
type Enqueue = (run: () => void) => void;

let enqueue: Enqueue | undefined;

/**
 * Resolves in a later task. An `await` of what is done already, as all work of the CPU device is, goes on in the same task, and a loop of
 * such awaits keeps everything else of its thread waiting until the loop ends. Throws the reason of `signal` where that is aborted, before
 * or after the turn.
 */
export async function nextTask(signal?: StopSignal): Promise<void> {
  signal?.throwIfAborted();
  await new Promise<void>((resolve) => {
    enqueue ??= quickestQueue();
    enqueue(resolve);
  });
  signal?.throwIfAborted();
}

/** The runtime's quickest way: setTimeout alone would wait 1 ms in Node and, nested, 4 ms in a page. */
function quickestQueue(): Enqueue {
  // Node, Bun, Deno. Kept here, so that a test that puts false timers in its place later does not stop a search.
  const { setImmediate, MessageChannel, setTimeout } = globalThis;
  if (typeof setImmediate === 'function') return (run) => void setImmediate(run);
  if (typeof MessageChannel !== 'function') return (run) => void setTimeout(run, 0);
  // A page, a worker.
  const waiting: (() => void)[] = [];
  const { port1, port2 } = new MessageChannel();
  port1.addEventListener('message', () => waiting.shift()?.());
  port1.start();
  return (run) => {
    waiting.push(run);
    port2.postMessage(undefined);
  };
}
