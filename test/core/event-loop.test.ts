/** @file In Node, timers and signal handlers run between the steps of a search on the CPU device; a turn costs next to nothing. */
import { describe, expect, it, vi } from 'vitest';
import { nextTask } from '../../src/core/event-loop.ts';
import { cpu } from '../../src/index.ts';
import { Search } from '../../src/snas/index.ts';
import { quadrants, TINY } from '../support/tiny-search.ts';

const data = { train: quadrants(32, 1), validation: quadrants(16, 2) };

describe('nextTask', () => {
  it('lets what was queued before it go first: timers that are due, messages, immediates', async () => {
    const ran: string[] = [];
    setTimeout(() => ran.push('timer'), 0);
    setImmediate(() => ran.push('immediate'));
    const until = performance.now() + 5;
    while (performance.now() < until) continue;
    await nextTask();
    await nextTask();
    expect(ran.toSorted()).toEqual(['immediate', 'timer']);
  });

  it('comes sooner than a timer would, which waits for 1 ms: in CPU time, 0.2 ms at the most (the mean of 2,000)', async () => {
    const before = process.cpuUsage();
    for (let i = 0; i < 2000; i++) await nextTask();
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1000 / 2000).toBeLessThan(0.2);
  });

  it('throws the reason of a signal that is aborted before or during the turn', async () => {
    await expect(nextTask(AbortSignal.abort())).rejects.toMatchObject({ name: 'AbortError' });
    const stop = new AbortController();
    const turn = nextTask(stop.signal);
    stop.abort('enough');
    await expect(turn).rejects.toBe('enough');
  });

  it('goes on where a test has put false timers in the place of the true ones', async () => {
    await nextTask();
    vi.useFakeTimers();
    const turn = nextTask();
    vi.useRealTimers();
    await expect(turn).resolves.toBeUndefined();
  });
});

it('a signal of the system is heard before the next step of a search', async () => {
  using search = new Search(cpu({ dtype: 'float32' }), { ...TINY, epochs: 1 }, data);
  const heard: number[] = [];
  const hear = (): void => void heard.push(search.step);
  process.on('SIGUSR2', hear);
  try {
    const afterStep = (step: number): void => {
      if (step < search.steps) process.kill(process.pid, 'SIGUSR2');
    };
    for await (const _ of search.run({ afterStep })) continue;
  } finally {
    process.off('SIGUSR2', hear);
  }
  expect(heard).toEqual([1, 2, 3]);
});
