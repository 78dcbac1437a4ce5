/** @file How a command hears that it should end: first in order, then at once, whatever JavaScript is doing. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const stopModule = fileURLToPath(new URL('../../src/command/stop.ts', import.meta.url));

/** A process that listens and then works in slices; `busy` is one slice of which no end comes. */
async function worker(busy: boolean) {
  const code = `
    import { StopRequest } from ${JSON.stringify(stopModule)};
    const stop = StopRequest.listen((reason) => console.log('heard ' + reason));
    console.log('up');
    while (!stop.signal.aborted) await new Promise((r) => setTimeout(r, 5));
    ${busy ? "await new Promise((r) => setTimeout(() => { console.log('busy'); for (;;); }, 5));" : ''}
    stop[Symbol.dispose]();
    console.log('ended in order ' + stop.reason);`;
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', code], {
    stdio: ['ignore', 'pipe', 'inherit'],
    cwd: fileURLToPath(new URL('../../', import.meta.url)),
  });
  let out = '';
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  const until = async (text: string): Promise<void> => {
    await expect.poll(() => out, { timeout: 30_000 }).toContain(text);
  };
  await until('up');
  const ended = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  return { child, until, ended, out: () => out };
}

describe('the first signal', () => {
  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('%s ends the work in order, with exit code %i', async (signal, code) => {
    const { child, ended, out } = await worker(false);
    child.kill(signal);
    expect(await ended).toEqual([code, null]);
    expect(out()).toContain(`heard ${signal}`);
    expect(out()).toContain(`ended in order ${signal}`);
  });
});

describe('the second signal', () => {
  it.each([
    ['SIGINT', 'SIGINT'],
    ['SIGTERM', 'SIGINT'],
    ['SIGINT', 'SIGTERM'],
  ] as const)('ends the process at once, in the middle of a loop: %s, then %s', async (first, second) => {
    const { child, until, ended } = await worker(true);
    child.kill(first);
    await until('busy');
    child.kill(second);
    expect(await ended).toEqual([null, second]);
  });
});
