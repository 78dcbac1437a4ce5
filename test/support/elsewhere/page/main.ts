/** @file Runs the shared tests in this page and in a worker, tries WebGPU, and tells the server the counts. */
import { webgpu } from '../../../../src/index.ts';
import type { TestCount } from '../run.ts';
import { sharedTests, teller } from './tests.ts';

type Outcome = TestCount | string;

function inWorker(): Promise<Outcome> {
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' });
  return new Promise((resolve) => {
    worker.addEventListener('message', ({ data }: MessageEvent<Outcome>) => resolve(data));
    worker.addEventListener('error', ({ message }) => resolve(`the worker failed: ${message}`));
  });
}

async function onWebGpu(): Promise<Outcome> {
  try {
    (await webgpu()).destroy();
  } catch (error) {
    return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  }
  return sharedTests('webgpu', teller('page, webgpu'));
}

const wanted = new URLSearchParams(location.search).get('run') ?? 'cpu';
const outcomes: Record<string, Outcome> = { userAgent: navigator.userAgent };
if (wanted === 'webgpu') outcomes['page, webgpu'] = await onWebGpu();
else {
  outcomes['page, cpu'] = await sharedTests('cpu', teller('page, cpu')).catch(String);
  outcomes['worker, cpu'] = await inWorker();
}
await fetch('/done', { method: 'POST', body: JSON.stringify(outcomes) });
