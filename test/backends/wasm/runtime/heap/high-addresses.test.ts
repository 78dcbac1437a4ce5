/** @file Kernels in a heap that is nearly full: addresses beyond 2 GiB, and blocks that end where the memory ends. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SimdBackend } from '../../../../../src/backends/wasm/backend.ts';
import { blockSize, Heap, OVERREAD } from '../../../../../src/backends/wasm/runtime/heap.ts';
import {
  add,
  BackendDevice,
  cpu,
  type Device,
  enableGrad,
  grad,
  key,
  LimitError,
  scope,
  type Tensor,
  type TypedArray,
  uniforms,
} from '../../../../../src/index.ts';
import { signed } from '../../../../../src/testing/algebra.ts';
import { toTensor } from '../../../../../src/testing/arbitraries/values.ts';
import { type Operation, operations, type Sample } from '../../../../../src/testing/registry/index.ts';

const GIGABYTE = 2 ** 30;

/** The value and the gradients of an operation. */
async function results(op: Operation, { inputs, params }: Sample, device: Device): Promise<TypedArray[]> {
  const tensors = scope(() =>
    enableGrad((): Tensor[] => {
      const xs = inputs.map((value) => toTensor(device, value));
      const y = op.run(xs, params);
      const wrt = op.order === 0 ? [] : (op.wrt ?? inputs.map((_, i) => i)).map((i) => xs[i]!);
      if (wrt.length === 0) return [y];
      const cotangent = device.tensor(signed(key(y.size), y.size), y.shape);
      return [y, ...grad(y, wrt, { cotangent, unused: 'zeros' })];
    }),
  );
  const data = await Promise.all(tensors.map((t) => t.data()));
  for (const t of tensors) t.dispose();
  return data;
}

/** One memory for all heaps of the test; what is not touched costs nothing. */
const memory = new WebAssembly.Memory({ initial: 65_536 });

function heapFrom(first: number): { readonly heap: Heap; readonly device: Device } {
  const heap = new Heap({ memory, first });
  return { heap, device: new BackendDevice(new SimdBackend({}, heap)) };
}

describe('kernels in a heap of 4 GiB', () => {
  it('have the same bits wherever 2 GiB lies among their blocks, and where the last ends with the memory', async () => {
    for (const op of operations) {
      for (const [i, sample] of fc.sample(op.samples(op.fused ? 'small' : 'large'), { seed: 5, numRuns: 3 }).entries()) {
        const low = heapFrom(1024);
        const expected = await results(op, sample, low.device);
        const bytes = low.heap.top - 1024;
        // A different place each time, and the end of the memory.
        const within = uniforms(key(64 * bytes + i), 4);
        const firsts = [
          ...Array.from(within, (u) => 2 * GIGABYTE - 64 * Math.ceil((u * bytes) / 64)),
          4 * GIGABYTE - OVERREAD - bytes,
        ];
        for (const first of firsts) {
          const { heap, device } = heapFrom(first);
          expect(await results(op, sample, device), `${op.name} from ${first}`).toEqual(expected);
          expect(heap.top - first).toBe(bytes);
        }
      }
    }
  });
});

describe('a heap of 4 GiB', () => {
  it('gives out its last block, whose end is an address, and refuses the next with a LimitError', () => {
    const heap = new Heap();
    const refusals: unknown[] = [];
    let end = 0;
    const take = (size: number): boolean => {
      try {
        end = Math.max(end, heap.alloc(size) + blockSize(size));
        return true;
      } catch (error) {
        refusals.push(error);
        return false;
      }
    };
    for (let size = GIGABYTE; size >= 64; size /= 2) while (take(size));
    expect(refusals.every((error) => error instanceof LimitError)).toBe(true);
    expect(end).toBe(4 * GIGABYTE - OVERREAD);
    expect(() => heap.alloc(64)).toThrow(/limit is 4294967296 bytes/);
  });

  it('refuses a block of more than offsets reach', () => {
    expect(() => new Heap().alloc(2 * GIGABYTE)).toThrow(LimitError);
  });

  it('holds tensors of more than 2 GiB together, and adds the first to the last', async () => {
    const device = cpu({ dtype: 'float32' });
    const first = device.tensor([1, 2, 3], [3]);
    const between = Array.from({ length: 3 }, () => device.empty([GIGABYTE / 4]));
    const last = device.tensor([10, 20, 30], [3]);
    expect(await add(first, last).data()).toEqual(Float32Array.of(11, 22, 33));
    for (const t of between) t.dispose();
  });
});
