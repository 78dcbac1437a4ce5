/** @file Layout on SIMD kernels against the plain loops: copies have no rounding, so every element must be the very same. */
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import type { PrimitiveParams } from '../../../../src/contract/backend.ts';
import { cpuKernels } from '../../../../src/backends/cpu/kernels/index.ts';
import { SimdBackend } from '../../../../src/backends/wasm/backend.ts';
import type { Shape } from '../../../../src/index.ts';
import { layoutKernels } from '../../../../src/backends/wasm/kernels/layout.ts';
import { Heap } from '../../../../src/backends/wasm/runtime/heap.ts';
import { Linker } from '../../../../src/backends/wasm/runtime/linker.ts';
import { sizeOf } from '../../../../src/contract/shape.ts';

const backend = new SimdBackend();
afterAll(() => backend.destroy());

/** Elements behind the output that no kernel may touch. */
const GUARD = 16;

/** What the device and the plain loop make of inputs that hold 1, 2, 3 ..., in an output of 7s, with what lies behind it. */
async function both<P extends 'permute' | 'slice' | 'pad' | 'concat'>(
  op: P,
  params: PrimitiveParams[P],
  shapes: readonly Shape[],
  out: Shape,
): Promise<{ readonly got: ArrayLike<number>; readonly expected: ArrayLike<number> }> {
  let next = 1;
  const inputs = shapes.map((shape) => ({ shape, data: Float32Array.from({ length: sizeOf(shape) }, () => next++) }));
  const size = sizeOf(out);
  const blank = (): Float32Array<ArrayBuffer> => new Float32Array(size + GUARD).fill(7);
  const operands = inputs.map(({ shape, data }) => {
    const handle = backend.alloc(data.length, 'float32');
    backend.write(handle, data);
    return { handle, shape, dtype: 'float32' as const };
  });
  const target = backend.alloc(size + GUARD, 'float32');
  backend.write(target, blank());
  backend.run(op, params, operands, [{ handle: target, shape: out, dtype: 'float32' }]);
  const got = await backend.read(target, size + GUARD, 'float32');
  for (const handle of [...operands.map((o) => o.handle), target]) backend.free(handle);
  const expected = blank();
  cpuKernels[op](params, inputs, [{ shape: out, data: expected }]);
  return { got, expected };
}

/** The first element that differs, or undefined. */
function difference(got: ArrayLike<number>, expected: ArrayLike<number>): string | undefined {
  if (got.length !== expected.length) return `${got.length} elements instead of ${expected.length}`;
  for (let i = 0; i < expected.length; i++) if (got[i] !== expected[i]) return `element ${i} is ${got[i]}, not ${expected[i]}`;
  return undefined;
}

const side = fc.constantFrom(1, 2, 3, 4, 5, 8, 9, 13);
const shapes = fc.array(side, { minLength: 1, maxLength: 5 }).filter((shape) => sizeOf(shape) <= 4000);

/** For each axis of `inner` a start, a step of either sign, and the size of an axis that holds all of it. */
const strided = shapes.chain((inner) =>
  fc
    .tuple(...inner.map(() => fc.record({ step: fc.constantFrom(1, 1, 1, 2, 3, -1, -2), before: fc.nat(3), after: fc.nat(3) })))
    .map((axes) => ({
      inner,
      outer: inner.map((d, i) => (d - 1) * Math.abs(axes[i]!.step) + 1 + axes[i]!.before + axes[i]!.after),
      step: axes.map((axis) => axis.step),
      start: inner.map((d, i) => axes[i]!.before + (axes[i]!.step < 0 ? (d - 1) * -axes[i]!.step : 0)),
    }))
    .filter(({ outer }) => sizeOf(outer) <= 6_000),
);

describe('SIMD copies give the very numbers of the plain loops, and write nothing else', () => {
  it('slice, with steps of either sign', async () => {
    await fc.assert(
      fc.asyncProperty(strided, async ({ inner, outer, step, start }) => {
        const { got, expected } = await both('slice', { start, step }, [outer], inner);
        expect(difference(got, expected)).toBeUndefined();
      }),
      { seed: 31, numRuns: 300 },
    );
  });

  it('pad, with steps of either sign', async () => {
    await fc.assert(
      fc.asyncProperty(strided, async ({ inner, outer, step, start }) => {
        const { got, expected } = await both('pad', { low: start, step }, [inner], outer);
        expect(difference(got, expected)).toBeUndefined();
      }),
      { seed: 32, numRuns: 300 },
    );
  });

  it('permute', async () => {
    const permuted = shapes.chain((shape) =>
      fc
        .shuffledSubarray(
          shape.map((_, i) => i),
          { minLength: shape.length },
        )
        .map((axes) => ({ shape, axes })),
    );
    await fc.assert(
      fc.asyncProperty(permuted, async ({ shape, axes }) => {
        const out = axes.map((axis) => shape[axis]!);
        const { got, expected } = await both('permute', { axes }, [shape], out);
        expect(difference(got, expected)).toBeUndefined();
      }),
      { seed: 33, numRuns: 300 },
    );
  });

  it('concat, inputs of size 0 included', async () => {
    const joined = fc
      .tuple(shapes, fc.nat(4), fc.array(fc.nat(9), { minLength: 1, maxLength: 5 }))
      .map(([shape, at, sizes]) => ({ shape, axis: at % shape.length, sizes }))
      .filter(({ sizes }) => sizes.some((size) => size > 0));
    await fc.assert(
      fc.asyncProperty(joined, async ({ shape, axis, sizes }) => {
        const along = (size: number): Shape => shape.map((d, i) => (i === axis ? size : d));
        const total = sizes.reduce((a, b) => a + b, 0);
        const { got, expected } = await both('concat', { axis }, sizes.map(along), along(total));
        expect(difference(got, expected)).toBeUndefined();
      }),
      { seed: 34, numRuns: 300 },
    );
  });

  it('more axes than the kernel walks through are left to the plain loop', async () => {
    const shape = [2, 3, 2, 3, 2, 3];
    const axes = [5, 2, 4, 1, 3, 0];
    expect(
      layoutKernels(new Linker(new Heap())).permute({ axes }, [operandOf(shape)], [operandOf(axes.map((a) => shape[a]!))]),
    ).toBe(undefined);
    const { got, expected } = await both(
      'permute',
      { axes },
      [shape],
      axes.map((a) => shape[a]!),
    );
    expect(difference(got, expected)).toBeUndefined();
  });
});

function operandOf(shape: Shape): { handle: { byteLength: number }; shape: Shape; dtype: 'float32' } {
  return { handle: { byteLength: 0 }, shape, dtype: 'float32' };
}
