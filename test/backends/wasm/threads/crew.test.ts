/** @file Kernels that several threads share, and the workers that help. */
import { createHash } from 'node:crypto';
import { describe, expect, it, onTestFinished } from 'vitest';
import { SimdBackend } from '../../../../src/backends/wasm/backend.ts';
import { Heap } from '../../../../src/backends/wasm/runtime/heap.ts';
import { Linker } from '../../../../src/backends/wasm/runtime/linker.ts';
import { ModuleWriter } from '../../../../src/backends/wasm/runtime/assembler.ts';
import { Runner } from '../../../../src/backends/wasm/runtime/runner.ts';
import { theCrew } from '../../../../src/backends/wasm/threads/crew.ts';
import { add, BackendDevice, cpu, type Device, matmul, pad, scope, WorkerError } from '../../../../src/index.ts';
import { Search } from '../../../../src/snas/index.ts';
import { operationBits, operationCases } from '../../../support/operation-bits.ts';
import { quadrants, TINY } from '../../../support/tiny-search.ts';

/** A device whose threads share all that can be shared. */
function open(threads: number, worthSharing = 0): Device {
  const device = new BackendDevice(new SimdBackend({ threads, worthSharing }));
  onTestFinished(() => device.destroy());
  return device;
}

/** Runs something until all workers take part. */
async function join(threads: number, run: () => unknown): Promise<void> {
  const { batches } = theCrew();
  for (let i = 0; i < 1000; i++) {
    run();
    if (theCrew().ready(threads - 1) && theCrew().batches > batches) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error('the workers did not join');
}

const product = (device: Device, n: number): (() => Promise<unknown>) => {
  const a = device.parameter(
    Float32Array.from({ length: n * n }, (_, k) => k % 7),
    [n, n],
  );
  return () => {
    const y = scope(() => matmul(a, a));
    const data = y.data();
    y.dispose();
    return data;
  };
};

describe('results have the same bits on one thread and on several', () => {
  it('of every operation and of its gradients', async () => {
    const devices = [1, 3].map((threads) => open(threads));
    await join(3, product(devices[1]!, 64));
    const { batches } = theCrew();
    for (const one of operationCases(43, 1)) {
      const [alone, ...shared] = await Promise.all(devices.map((device) => operationBits(device, one)));
      for (const [i, words] of shared.entries()) expect(words, `${one.op.name}, device ${i + 1}`).toEqual(alone);
    }
    expect(theCrew().batches - batches).toBeGreaterThan(100);
  });

  it('of a whole search, captured and eager', async () => {
    const results: unknown[] = [];
    const shared: number[] = [];
    for (const [threads, eager] of [
      [1, false],
      [3, false],
      [2, true],
    ] as const) {
      // Some of the kernels, so that a loaded machine gets through.
      const device = open(threads, 4000);
      if (threads > 1) await join(threads, product(device, 64));
      const [train, validation] = [quadrants(48, 1), quadrants(32, 2)];
      const search = new Search(device, TINY, { train, validation }, { eager });
      const { batches } = theCrew();
      const epochs = [];
      for await (const { imagesPerSecond: _, ...epoch } of search.run()) epochs.push(epoch);
      const weights = await Promise.all(search.supernet.parameters().map((p) => p.data()));
      results.push({ epochs, weights });
      shared.push(theCrew().batches - batches);
      search.dispose();
      device.destroy();
    }
    expect(shared[0]).toBe(0);
    for (const batches of shared.slice(1)) expect(batches).toBeGreaterThan(100);
    for (const other of results.slice(1)) expect(other).toEqual(results[0]);
  });

  it('while the memory grows under the workers', async () => {
    const [alone, shared] = [open(1), open(3)];
    const grow = async (device: Device): Promise<string[]> => {
      const kept = [];
      for (let i = 0; i < 10; i++) {
        const shape = [64, 33 + i, 20];
        const x = device.tensor(
          Float32Array.from({ length: 64 * (33 + i) * 20 }, (_, k) => k % 1009),
          shape,
        );
        // Zeros are written by an instruction that looks at the memory's size.
        kept.push(
          pad(add(x, x), [
            [0, 1],
            [1, 200 * i],
            [0, 3],
          ]),
        );
      }
      const data = await Promise.all(kept.map((t) => t.data()));
      for (const t of kept) t.dispose();
      return data.map((array) => createHash('sha256').update(array).digest('hex'));
    };
    await join(3, product(shared, 64));
    expect(await grow(shared)).toEqual(await grow(alone));
  });
});

describe('the workers', () => {
  it('are the same for all devices, however many, and end with the last', async () => {
    const devices = Array.from({ length: 20 }, () => open(3));
    for (const device of devices) await join(3, product(device, 64));
    expect(theCrew().size).toBe(2);
    for (const device of devices.slice(1)) device.destroy();
    expect(theCrew().size).toBe(2);
    await join(3, product(devices[0]!, 64));
    devices[0]!.destroy();
    expect(theCrew().size).toBe(0);
    // A device that is opened later has workers again.
    await join(2, product(open(2), 64));
  });

  it('do not start for small kernels', async () => {
    const device = cpu({ dtype: 'float32', threads: 4 });
    await product(device, 8)();
    expect(theCrew().size).toBe(0);
    device.destroy();
  });

  it('use no processor time while there is nothing to do', async () => {
    await join(4, product(open(4), 64));
    await new Promise((resolve) => setTimeout(resolve, 50));
    const before = process.cpuUsage();
    await new Promise((resolve) => setTimeout(resolve, 500));
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1000).toBeLessThan(100);
  });

  it('that fail in a kernel are a WorkerError, and the next batch is as it should be', async () => {
    const heap = new Heap({ shared: true });
    const linker = new Linker(heap);
    const runner = new Runner(linker, { threads: 2, worthSharing: 0 });
    onTestFinished(() => runner.end());
    const module = new ModuleWriter('trap', 'rest');
    // unreachable
    module.add('trap', '', () => [0x00]);
    module.add('rest', '', () => []);
    const { trap, rest } = linker.load('trap', () => module.assemble());
    const calls = (run: typeof trap): { run: typeof trap; parameters: []; scratch: 0 }[] =>
      Array.from({ length: 64 }, () => ({ run, parameters: [], scratch: 0 }));
    const work = (run: typeof trap): [{ cost: number; make: () => ReturnType<typeof calls> }] => [
      { cost: 1, make: () => calls(run) },
    ];
    await join(2, () => runner.run(work(rest)));
    // This thread takes its time over its calls, so that the worker claims some.
    const slow = (...parameters: number[]): void => {
      const end = performance.now() + 5;
      while (performance.now() < end);
      rest(...parameters);
    };
    const list = heap.alloc(10_000);
    runner.write(calls(trap), list);
    expect(() => runner.share(calls(slow), list, 0, () => undefined)).toThrow(WorkerError);
    expect(() => runner.run(work(rest))).not.toThrow();
  });
});

it('what the API returns lies in memory of its own', async () => {
  const device = open(2);
  const run = product(device, 64);
  await join(2, run);
  const data = (await run()) as Float32Array<ArrayBuffer>;
  expect(data.buffer).toBeInstanceOf(ArrayBuffer);
  structuredClone(data);
  expect(new Blob([data]).size).toBe(data.byteLength);
  expect((await crypto.subtle.digest('SHA-256', data)).byteLength).toBe(32);
});
