/** @file Runs test files in a runtime in which vitest itself does not run, and says what failed. */
import { type File, startTests, type Task, type VitestRunner, type VitestRunnerConfig } from '@vitest/runner';
import { provide } from './vitest.ts';

export interface TestCount {
  passed: number;
  failed: number;
  skipped: number;
}

export interface RunOptions {
  /** Their names, and how each is imported. */
  readonly files: ReadonlyMap<string, () => Promise<unknown>>;
  /** Which device the tests open. */
  readonly device: 'cpu' | 'webgpu';
  readonly say: (line: string) => void;
  /** Only tests whose full name matches. */
  readonly named?: RegExp;
}

/** Runs the files one by one. */
export async function runTests({ files, device, say, named }: RunOptions): Promise<TestCount> {
  provide('device', device);
  const config: VitestRunnerConfig = {
    root: '/',
    setupFiles: [],
    name: device,
    passWithNoTests: false,
    testNamePattern: named,
    allowOnly: false,
    sequence: { seed: 0, hooks: 'stack', setupFiles: 'list' },
    chaiConfig: undefined,
    maxConcurrency: 1,
    // A software adapter on a machine that others use too.
    testTimeout: 600_000,
    hookTimeout: 60_000,
    retry: 0,
    includeTaskLocation: false,
    tags: [],
    tagsFilter: undefined,
    strictTags: false,
  };
  const count: TestCount = { passed: 0, failed: 0, skipped: 0 };
  const runner: VitestRunner = {
    config,
    importFile: (name) => files.get(name)?.(),
  };
  for (const name of files.keys()) {
    const started = performance.now();
    const [file] = await startTests([name], runner);
    const before = { ...count };
    if (file) tell(file, count, say);
    const failed = count.failed - before.failed;
    const tests = count.passed + count.failed + count.skipped - before.passed - before.failed - before.skipped;
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    say(`${failed === 0 ? 'ok  ' : 'FAIL'} ${name} (${tests} tests, ${seconds} s)`);
  }
  say(`${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`);
  return count;
}

/** Counts the tests of a file, or of a part of it, and says why those that failed did. */
function tell(task: File | Task, count: TestCount, say: (line: string) => void, path = ''): void {
  const name = task.type === 'suite' && !('filepath' in task) ? `${path}${task.name} > ` : path;
  const errors = task.result?.errors ?? [];
  if (task.type === 'test') {
    if (task.result?.state === 'pass') count.passed++;
    else if (task.result?.state === 'fail') count.failed++;
    else count.skipped++;
  } else if (errors.length > 0) {
    // A file that could not be imported, or a hook that threw.
    count.failed++;
  }
  for (const { name: kind = 'Error', message, stack = '' } of errors) {
    // V8 repeats the message in the stack, Firefox does not.
    const text = stack.includes(message) ? stack : `${kind}: ${message}\n${stack}`;
    say(`\n  ${name}${task.name}\n  ${text.replaceAll('\n', '\n  ')}\n`);
  }
  if (task.type === 'suite') for (const child of task.tasks) tell(child, count, say, name);
}
