/** @file One door: given operands that a primitive would refuse, every operation refuses them alike on all devices, or computes alike. */
/* eslint-disable vitest/no-conditional-expect -- errors and values are compared alike */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CpuBackend } from '../../../src/backends/cpu/backend.ts';
import {
  BackendDevice,
  cpu,
  type Device,
  DTypeError,
  fused,
  mul,
  OptionError,
  ReparamError,
  type Shape,
  ShapeError,
  sum,
  type Tensor,
} from '../../../src/index.ts';
import { operations, type Operation, type Sample } from '../../../src/testing/registry/index.ts';
import { openDevice } from '../../support/device.ts';

const SEED = 41;
const RUNS = 6;
const devices: Device[] = [];
beforeAll(async () => {
  devices.push(cpu({ dtype: 'float64' }), cpu({ dtype: 'float32' }), cpu({ dtype: 'float32', simd: false }), await openDevice());
});
afterAll(() => devices.forEach((device) => device.destroy()));

interface Input {
  readonly shape: Shape;
  readonly values: readonly number[];
  readonly dtype?: string;
}

const sizeOf = (shape: Shape): number => shape.reduce((a, b) => a * b, 1);
const reshaped = (input: Input, shape: Shape): Input => ({
  ...input,
  shape,
  values: Array.from({ length: sizeOf(shape) }, (_, i) => input.values[i % Math.max(1, input.values.length)] ?? 0),
});

/** Ways to spoil one input of a sample; undefined where there is nothing to spoil. */
const faults: Readonly<Record<string, (input: Input) => Input | undefined>> = {
  'words for floats': (input) => ({ ...input, dtype: input.dtype === 'uint32' ? 'float' : 'uint32' }),
  'one axis more': (input) => reshaped(input, [1, ...input.shape]),
  'one axis less': (input) => (input.shape.length > 0 ? reshaped(input, input.shape.slice(1)) : undefined),
  'a longer last axis': (input) =>
    input.shape.length > 0 ? reshaped(input, [...input.shape.slice(0, -1), input.shape.at(-1)! + 1]) : undefined,
  'a longer first axis': (input) =>
    input.shape.length > 0 ? reshaped(input, [input.shape[0]! + 1, ...input.shape.slice(1)]) : undefined,
};

type Prepare = (device: Device) => Tensor[];

/** What an operation did: the kind and message of its error, or shape and values. */
async function outcome(
  op: Operation,
  device: Device,
  prepare: Prepare,
  params: unknown,
): Promise<{ error?: string; message?: string; shape?: Shape; data?: number[] }> {
  const inputs = prepare(device);
  let output: Tensor;
  try {
    output = op.run(inputs, params);
  } catch (error) {
    if (!(error instanceof ReparamError)) return { error: `untyped: ${String(error)}` };
    return { error: error.name, message: error.message };
  }
  return { shape: output.shape, data: Array.from(await output.data()) };
}

function upload(device: Device, { shape, values, dtype }: Input): Tensor {
  return device.tensor(dtype === 'uint32' ? Uint32Array.from(values, (v) => Math.abs(Math.round(v))) : values, shape);
}

async function expectAlike(op: Operation, what: string, prepare: Prepare, params: unknown): Promise<void> {
  const [expected, ...others] = await Promise.all(devices.map((device) => outcome(op, device, prepare, params)));
  const name = `${op.name}, ${what}`;
  expect(expected!.error ?? '', name).not.toMatch(/^untyped/);
  for (const [i, other] of others.entries()) {
    const on = `${name}, on ${devices[i + 1]!.name}`;
    expect(other.error, on).toBe(expected!.error);
    // Only messages that say a float's width differ.
    if (expected!.error) expect(other.message!.replaceAll('float32', 'float64'), on).toBe(expected!.message);
    else {
      expect(other.shape, on).toEqual(expected!.shape);
      const size = Math.max(1, ...expected!.data!.slice(0, 5000).filter(Number.isFinite).map(Math.abs));
      for (const [k, v] of expected!.data!.entries()) {
        const got = other.data![k]!;
        const near = Object.is(got, v) || (Number.isNaN(got) && Number.isNaN(v)) || Math.abs(got - v) <= 1e-3 * size;
        expect(near, `${on}, element ${k}: ${got}, ${v}`).toBe(true);
      }
    }
  }
}

/** Those whose cases carry no inputs that could be spoiled, or whose random words make the values. */
const drawn = operations.filter((op) => fc.sample(op.samples('small'), { seed: SEED, numRuns: 1 })[0]!.inputs.length > 0);

describe('spoiled operands: the same typed error on all devices, or the same values', () => {
  for (const op of drawn) {
    it(op.name, async () => {
      const samples = fc.sample(op.samples('small'), { seed: SEED, numRuns: RUNS }) as readonly Sample[];
      for (const { inputs, params } of samples) {
        for (let at = 0; at < inputs.length; at++) {
          for (const [fault, spoil] of Object.entries(faults)) {
            const bad = spoil(inputs[at] as Input);
            if (!bad) continue;
            await expectAlike(
              op,
              `input ${at}: ${fault} ${JSON.stringify(bad.shape)}`,
              (device) => inputs.map((input, i) => upload(device, i === at ? bad : (input as Input))),
              params,
            );
          }
          await expectAlike(
            op,
            `input ${at} freed`,
            (device) => {
              const made = inputs.map((input) => upload(device, input as Input));
              made[at]!.dispose();
              return made;
            },
            params,
          );
          const same = inputs.findIndex(
            (other, j) => j !== at && JSON.stringify(other.shape) === JSON.stringify(inputs[at]!.shape),
          );
          if (same >= 0) {
            await expectAlike(
              op,
              `input ${at} given twice`,
              (device) => {
                const made = inputs.map((input) => upload(device, input as Input));
                made[same] = made[at]!;
                return made;
              },
              params,
            );
          }
        }
      }
    });
  }

  it('floats are refused as words, and words as floats, by every operation that computes with them', () => {
    const device = devices[0]!;
    const layout = ['reshape', 'flatten', 'alias'];
    for (const op of drawn.filter((o) => o.order > 0 && !layout.includes(o.name))) {
      const [{ inputs, params }] = fc.sample(op.samples('small'), { seed: SEED, numRuns: 1 }) as unknown as [Sample];
      for (const at of op.wrt ?? inputs.keys()) {
        const bad = inputs.map((input, i) =>
          upload(device, i === at ? faults['words for floats']!(input as Input)! : (input as Input)),
        );
        expect(() => op.run(bad, params), `${op.name}, input ${at}`).toThrow(DTypeError);
      }
    }
  });
});

describe("a user's kernel runs on nothing that its composite refuses", () => {
  const ran: string[] = [];
  const kernel = {
    forward: ([x, y]: readonly Tensor[]) => {
      ran.push('kernel');
      return { output: mul(x!, y!) };
    },
  };
  const product = fused('checkedProduct', ([x, y]: readonly [Tensor, Tensor]) => mul(x, y), { cpu: kernel, webgpu: kernel });
  const wrong = fused('wrongShape', ([x]: readonly [Tensor]) => sum(x, 0), {
    cpu: { forward: ([x]) => ({ output: mul(x!, 1) }) },
    webgpu: { forward: ([x]) => ({ output: mul(x!, 1) }) },
  });

  it('whatever the operands, and it runs on what the composite takes, once a call', () => {
    for (const device of devices) {
      const x = device.ones([2, 3]);
      ran.length = 0;
      for (let i = 0; i < 2; i++) {
        expect(() => product([x, device.ones([2])], undefined)).toThrow(ShapeError);
        expect(() => product([x, device.tensor(Uint32Array.of(1, 2, 3))], undefined)).toThrow(DTypeError);
        expect(() => product([x, devices.find((d) => d !== device)!.ones([3])], undefined)).toThrow(/different devices/);
      }
      expect(ran).toEqual([]);
      product([x, device.ones([3])], undefined);
      product([x, device.ones([3])], undefined);
      expect(ran).toEqual(['kernel', 'kernel']);
      expect(() => wrong([x], undefined)).toThrow(/wrongShape: the kernel's output 0 is \[2, 3\]; its composite's is \[3\]/);
    }
  });

  it('parameters are part of what is known: a new value is checked anew', () => {
    const strict = fused(
      'strictParameter',
      ([x]: readonly [Tensor], params: { n: number }) => {
        if (params.n < 0) throw new OptionError('strictParameter: n must be >= 0');
        return mul(x, params.n);
      },
      { cpu: { forward: ([x], { n }) => ({ output: mul(x!, n) }) }, webgpu: { forward: ([x], { n }) => ({ output: mul(x!, n) }) } },
    );
    for (const device of devices) {
      const x = device.ones([2]);
      const params = { n: 1 };
      strict([x], params);
      params.n = -1;
      expect(() => strict([x], params)).toThrow(OptionError);
      expect(() => strict([x], { n: -2 })).toThrow(OptionError);
    }
  });

  it('checking computes nothing and leaves nothing', () => {
    const counted = new (class extends CpuBackend {
      runs = 0;
      override run(...args: Parameters<CpuBackend['run']>): void {
        this.runs++;
        super.run(...args);
      }
    })('float32');
    const device = new BackendDevice(counted);
    const heavy = fused('heavyComposite', ([x]: readonly [Tensor]) => mul(mul(mul(x, 2), 3), 4), {
      cpu: { forward: ([x]) => ({ output: mul(x!, 24) }) },
    });
    const x = device.ones([4]);
    mul(x, 24).dispose();
    const before = { runs: counted.runs, tensors: device.memory().tensors, buffers: device.memory().buffers };
    heavy([x], undefined).dispose();
    expect(counted.runs - before.runs).toBe(1);
    expect(device.memory().tensors).toBe(before.tensors);
    expect(device.memory().buffers).toBe(before.buffers);
  });

  it('a kernel that is launched refuses freed tensors, other devices, and memory that it would both read and change', () => {
    const device = cpu();
    const copy = {
      kind: 'cpu' as const,
      name: 'copy',
      run: ([x]: readonly ArrayLike<number>[], [y]: readonly { set(v: ArrayLike<number>): void }[]) => y!.set(x!),
    };
    const [x, y] = [device.ones([2]), device.zeros([2])];
    const freed = device.ones([2]);
    freed.dispose();
    expect(() => device.launch(copy as never, [freed], [[2]])).toThrow(/copy: an operand of shape \[2\] was freed/);
    expect(() => device.launch(copy as never, [devices[0]!.ones([2])], [[2]])).toThrow(/another device/);
    expect(() => device.launch(copy as never, [x], [], [x])).toThrow(OptionError);
    expect(() => device.launch(copy as never, [x], [], [y, y])).toThrow(OptionError);
    expect(() => device.launch(copy as never, [x], [[0.5]])).toThrow(OptionError);
    device.launch(copy, [x], [], [y]);
    device.destroy();
  });
});
