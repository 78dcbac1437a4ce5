/** @file The shared tests in a page or a worker, for browsers that vitest does not drive; what they say goes to the server. */
import { runTests, type TestCount } from '../run.ts';

/** Vite writes the files' imports in its place. */
declare global {
  interface ImportMeta {
    glob(pattern: string): Record<string, () => Promise<unknown>>;
  }
}

const modules = import.meta.glob('/test/**/*.devices.test.ts');

/** Sends lines to the server in their order. */
export function teller(where: string): (line: string) => void {
  let sent = Promise.resolve();
  return (line) => {
    sent = sent.then(async () => void (await fetch('/say', { method: 'POST', body: `${where}: ${line}` })));
  };
}

export async function sharedTests(device: 'cpu' | 'webgpu', say: (line: string) => void): Promise<TestCount> {
  return runTests({ files: new Map(Object.entries(modules)), device, say });
}
