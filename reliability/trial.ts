/** @file One run of the built command under a plan: what is killed, fails or is slow, and what came of it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../', import.meta.url));
export const COMMAND: string = path.join(root, 'dist/cli/main.js');
const PRELOAD = new URL('./preload.mjs', import.meta.url).href;

/** What happens to the file system of a run, by the number of an operation of it, from 0. */
export interface Plan {
  /** SIGKILL at this operation. */
  readonly killAt?: number;
  /** Before it, after it, or, of a write, when half is written. Default 'before'. */
  readonly kill?: 'before' | 'half' | 'after';
  /** The process stands still before this operation, until it is killed: `onStop` is told. */
  readonly stopAt?: number;
  /** Milliseconds that every operation takes longer. */
  readonly delay?: number;
  /** Operations from this one on fail with `code`, `failures` of them. */
  readonly failFrom?: number;
  readonly failures?: number;
  readonly code?: string;
  /** A planted fault, for the campaigns to find: nothing is flushed, or a file gets its name before its content. */
  readonly planted?: 'no-flush' | 'rename-first';
}

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Stopped by us: it neither ended nor was killed by the plan. */
  readonly hung: boolean;
  readonly out: string;
  readonly err: string;
  /** Operations of the file system; so far, where it was killed. */
  readonly operations: number;
  /** Whether it ended while a file was being written. */
  readonly inSave: boolean;
  /** Names of files that were said to be saved, flushed and all, and that nothing has removed since. */
  readonly lasting: readonly string[];
}

export interface TrialOptions {
  readonly plan?: Plan;
  /** Called when the process is there: what kills it from outside. */
  readonly onStart?: (child: ChildProcess) => void;
  /** Called when it stands still at the plan's operation. */
  readonly onStop?: (child: ChildProcess) => void;
  /** For a run of more than a few seconds. Without it, V8 is told not to spend half of a short run on machine code and on a small heap. */
  readonly optimised?: boolean;
  /** Milliseconds after which it counts as hung. Default 120,000. */
  readonly timeout?: number;
}

/** Runs `reparam ARGS` of the built package. */
export function trial(args: readonly string[], options: TrialOptions = {}): Promise<Ended> {
  const { plan = {}, onStart, onStop, optimised = false, timeout = 120_000 } = options;
  return new Promise((resolve, reject) => {
    const flags = optimised ? [] : ['--no-opt', '--liftoff-only', '--max-semi-space-size=64'];
    const child = spawn(process.execPath, [...flags, '--import', PRELOAD, COMMAND, ...args], {
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
      env: { ...process.env, RELIABILITY_PLAN: JSON.stringify(plan), NO_COLOR: '1' },
    });
    const text = ['', '', '', ''];
    for (const fd of [1, 2, 3]) {
      const stream = child.stdio[fd] as NodeJS.ReadableStream;
      stream.on('data', (chunk: Buffer) => (text[fd] += chunk.toString()));
    }
    child.stdio[3]!.on('data', (chunk: Buffer) => {
      if (chunk.includes('!')) onStop?.(child);
    });
    let hung = false;
    const timer = setTimeout(() => {
      hung = true;
      child.kill('SIGKILL');
    }, timeout);
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      const [, out = '', err = ''] = text;
      resolve({ code, signal, hung, out, err, ...told((text[3] ?? '').split('\n')) });
    });
    onStart?.(child);
  });
}

/** What the events of preload.mjs come to. */
function told(events: readonly string[]): Pick<Ended, 'operations' | 'inSave' | 'lasting'> {
  const lasting = new Set<string>();
  for (const event of events) {
    if (event.startsWith('+')) lasting.add(event.slice(1));
    if (event.startsWith('-')) lasting.delete(event.slice(1));
  }
  return {
    operations: events.filter((event) => event === '.').length,
    inSave: events.lastIndexOf('[') > events.lastIndexOf(']'),
    lasting: [...lasting],
  };
}

/** Files whose bytes depend on the clock or on the process, apart from what is compared of them. */
const CLOCKED = new Set(['config.json', 'files.json', 'run.lock']);

/** What a run came to, without what depends on the clock: file by file, a digest or the text. */
export function resultOf(folder: string): string {
  if (!existsSync(folder)) return 'no folder';
  return readdirSync(folder)
    .filter((name) => !CLOCKED.has(name) && !name.startsWith('checkpoint') && !name.startsWith('.'))
    .sort()
    .map((name) => {
      const bytes = readFileSync(path.join(folder, name));
      const content = name.endsWith('.jsonl')
        ? bytes.toString().replaceAll(/,"times":\{[^}]*\}/g, '')
        : createHash('sha256').update(bytes).digest('hex');
      return `${name} ${content}`;
    })
    .join('\n');
}

/** Work dealt out to as many lanes as there are cores. */
export async function inLanes<T>(
  lanes: number,
  items: readonly T[],
  work: (item: T, lane: number) => Promise<void>,
): Promise<void> {
  const queue = [...items];
  await Promise.all(
    Array.from({ length: lanes }, async (_, lane) => {
      for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item, lane);
    }),
  );
}
