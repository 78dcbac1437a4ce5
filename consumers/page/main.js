/** @file The page's main thread: its own report and that of a module worker. */
import { report } from './app.js';

function inWorker() {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });
    worker.addEventListener('message', ({ data }) => resolve(data));
    worker.addEventListener('error', ({ message }) => reject(new Error(`worker: ${message}`)));
  });
}

async function run() {
  try {
    globalThis.result = { page: await report(), worker: await inWorker() };
  } catch (error) {
    globalThis.result = { failure: String(error?.stack ?? error) };
  }
}

void run();
