/** @file Starts the workers of the float32 CPU device, in Node and in a page. */

/** What the crew needs of a worker, whichever kind it is. */
export interface Helper {
  post(message: unknown): void;
  end(): void;
}

interface NodeWorker {
  postMessage(message: unknown): void;
  terminate(): void;
  unref(): void;
  on(event: 'error' | 'exit', listener: (value: unknown) => void): void;
}
interface WorkerThreads {
  readonly Worker: new (url: URL, options: object) => NodeWorker;
}
interface Host {
  readonly process?: { getBuiltinModule?: (name: string) => unknown };
  readonly crossOriginIsolated?: boolean;
  readonly navigator?: { readonly hardwareConcurrency?: number };
}

const host: Host = globalThis;

function workerThreads(): WorkerThreads | undefined {
  return host.process?.getBuiltinModule?.('node:worker_threads') as WorkerThreads | undefined;
}

/** Whether the thread that calls kernels may sleep until others are done: the main thread of a page may not. */
export const CALLER_MAY_SLEEP: boolean = workerThreads() !== undefined;

/** Why there are no threads here; undefined where there are. Shared memory can be made, but not given to a worker, in a page without isolation. */
export function whyAlone(): string | undefined {
  if (typeof SharedArrayBuffer === 'undefined' || host.crossOriginIsolated === false) {
    return (
      'this page is not cross-origin isolated, and only then may threads share memory: serve it with the headers ' +
      'Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp'
    );
  }
  return workerThreads() || typeof Worker === 'function' ? undefined : 'there are no workers here';
}

/** Processors, as far as the host says. */
export function cores(): number {
  const os = host.process?.getBuiltinModule?.('node:os') as { availableParallelism?: () => number } | undefined;
  return os?.availableParallelism?.() ?? host.navigator?.hardwareConcurrency ?? 1;
}

/** Named apart, so that a bundler takes the file once, as a page's worker; and so that no file of a program has this name by chance. */
const FILE = './reparam-worker.js';
const HERE: string = import.meta.url;

/** A worker; `lost` is told why it is there no more. */
export function startHelper(lost: (why: string) => void): Helper {
  const threads = workerThreads();
  if (threads) {
    // Without the flags of this process, such as a loader that only TypeScript needs.
    const worker = new threads.Worker(new URL(FILE, HERE), { execArgv: [], name: 'reparam' });
    worker.unref();
    worker.on('error', (error) => lost(String(error)));
    worker.on('exit', () => lost('it ended'));
    // eslint-disable-next-line unicorn/require-post-message-target-origin -- a worker has no origin
    return { post: (message) => worker.postMessage(message), end: () => worker.terminate() };
  }
  const worker = new Worker(new URL('./reparam-worker.js', import.meta.url), { type: 'module' });
  worker.addEventListener('error', (event) => {
    event.preventDefault();
    lost(event.message || 'its file reparam-worker.js could not be loaded');
  });
  // eslint-disable-next-line unicorn/require-post-message-target-origin -- a worker has no origin
  return { post: (message) => worker.postMessage(message), end: () => worker.terminate() };
}
