/** @file Every primitive in float32 against the plain float64 loops on the same numbers. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Primitive, TypedArray } from '../../src/contract/backend.ts';
import { bits, cpu, type Device, key, keyTensor, randomBits, type Tensor } from '../../src/index.ts';
import { openDevice } from '../support/device.ts';
import { type KernelCase, type KernelCases, type KernelOperand, operations } from '../../src/testing/registry/index.ts';

const inPage = typeof document !== 'undefined';
const numRuns = inPage ? 8 : 120;

let device: Device;
let reference: Device;
beforeAll(async () => {
  const opened = await openDevice();
  // The CPU's float64 is the reference, so there its float32 is what is checked.
  device = opened.kind === 'cpu' ? cpu({ dtype: 'float32' }) : opened;
  reference = cpu({ dtype: 'float64' });
});
afterAll(() => device.destroy());

function upload(on: Device, { shape, data }: KernelOperand): Tensor {
  return on.tensor(data, shape);
}

async function run<P extends Primitive>(on: Device, op: P, { params, inputs, outputs }: KernelCase<P>): Promise<TypedArray[]> {
  const operands = inputs.map((v) => upload(on, v));
  const results = outputs.map((v) => upload(on, v));
  on.run(op, params, operands, results);
  const read = await Promise.all(results.map((t) => t.data()));
  for (const t of [...operands, ...results]) t.dispose();
  return read;
}

function absolute<P extends Primitive>(operands: KernelCase<P>): KernelCase<P> {
  const abs = (v: KernelOperand): KernelOperand => (v.data instanceof Uint32Array ? v : { ...v, data: v.data.map(Math.abs) });
  return { ...operands, inputs: operands.inputs.map(abs) };
}

/** The first element whose error is over its bound, or undefined. */
async function violation<P extends Primitive>(
  op: P,
  operands: KernelCase<P>,
  { bound, terms }: KernelCases<P>,
): Promise<string | undefined> {
  const got = await run(device, op, operands);
  const expected = await run(reference, op, operands);
  const magnitude = await run(reference, op, absolute(operands));
  const count = terms ? terms(operands) : 1;
  for (const [k, values] of got.entries()) {
    for (const [i, value] of values.entries()) {
      // The result can be no nearer than the reference rounded to float32.
      const want = values instanceof Uint32Array ? expected[k]![i]! : Math.fround(expected[k]![i]!);
      const error = Math.abs(value - want);
      if (!(error <= bound(expected[k]![i]!, magnitude[k]![i]!, count))) {
        const shape = operands.outputs[k]!.shape.join(', ');
        return `output ${k} of shape [${shape}], element ${i} is ${value}, expected ${want}: error ${error}`;
      }
    }
  }
  return undefined;
}

describe('agrees with the float64 loops', () => {
  for (const { primitive: op, kernel: checked } of operations) {
    if (!op || !checked) continue;
    it(`${op}, within its bound`, async () => {
      await fc.assert(
        fc.asyncProperty(checked.cases, async (operands) => {
          expect(await violation(op, operands, checked)).toBeUndefined();
        }),
        { seed: 20260101, numRuns },
      );
    });
  }
});

it('makes the same million random words as the host', async () => {
  const k = key(11);
  const n = 2 ** 20 + 3;
  const words = randomBits(keyTensor(device, k), [n]);
  const got = await words.data();
  words.dispose();
  const expected = bits(k, n);
  expect(got.length).toBe(n);
  expect(got.findIndex((word, i) => word !== expected[i])).toBe(-1);
});

it('sums nothing to zero and copies nothing without a complaint', async () => {
  const empty = device.empty([0, 3]);
  const sum = device.tensor([7, 7, 7], [1, 3]);
  device.run('sumTo', {}, [empty], [sum]);
  expect([...(await sum.data())]).toEqual([0, 0, 0]);
  const joined = device.tensor([7, 7, 7], [1, 3]);
  device.run('concat', { axis: 0 }, [empty, device.tensor([1, 2, 3], [1, 3])], [joined]);
  expect([...(await joined.data())]).toEqual([1, 2, 3]);
  const product = device.tensor([7, 7, 7, 7], [2, 2]);
  device.run('matmul', { transposeA: false, transposeB: false }, [device.empty([2, 0]), device.empty([0, 2])], [product]);
  expect([...(await product.data())]).toEqual([0, 0, 0, 0]);
});
