/**
 * @file The error of a device's kernels in units of u * sum |terms|, u = 2^-24: value and gradient of an operation on the
 * device against float64 on the same float32 inputs, with the sums from the rounding device.
 */
import { grad } from '../core/autograd.ts';
import type { TypedArray } from '../contract/backend.ts';
import type { Device } from '../core/tensor.ts';
import { enableGrad } from '../core/grad-mode.ts';
import { key } from '../core/random.ts';
import { scope } from '../core/scope.ts';
import type { Shape } from '../contract/shape.ts';
import type { Tensor } from '../core/tensor.ts';
import { signed } from './algebra.ts';
import { toTensor } from './arbitraries/values.ts';
import type { Operation, Sample } from './registry/operation.ts';
import { roundingDevice } from './rounding/device.ts';

/** An error above this many units says that the order of a kernel's operations has changed, or the adapter's functions are poor. */
export const TRIPWIRE = 8;

/** The worst element of one result. */
export interface KernelError {
  /** 'the value' or 'the gradient of input 1'. */
  readonly what: string;
  /** |got - expected| / (2^-24 S); Infinity where S = 0 and the two differ, for then the kernel should be exact. */
  readonly units: number;
  /** 2 (n + 4): what is proved, u being 2^-23 since WGSL fixes no rounding mode. */
  readonly allowed: number;
  readonly element: number;
  readonly shape: Shape;
  readonly got: number;
  readonly expected: number;
}

/** The largest errors of many cases. */
export class KernelTally {
  /** Units of 2^-24 sum |terms|. */
  value = 0;
  gradient = 0;
  /** The largest error as a share of what is proved for its case. */
  share = 0;

  add(errors: readonly KernelError[]): void {
    for (const [i, e] of errors.entries()) {
      this.share = Math.max(this.share, e.units / e.allowed);
      if (i === 0) this.value = Math.max(this.value, e.units);
      else this.gradient = Math.max(this.gradient, e.units);
    }
  }

  get worst(): number {
    return Math.max(this.value, this.gradient);
  }
}

/** Below the smallest normal number a device may flush to zero. */
const SMALLEST_NORMAL = 2 ** -126;
const UNIT = 2 ** -24;

/** Errors of the value and then of each input's gradient. */
export async function kernelErrors(op: Operation, sample: Sample, device: Device): Promise<KernelError[]> {
  const rounding = roundingDevice();
  const wrt = op.order === 0 ? [] : (op.wrt ?? sample.inputs.map((_, i) => i));
  const on = (target: Device): Tensor[] => valueAndGradients(op, sample, target, wrt);
  const expected = on(rounding.device);
  const got = on(device);
  const errors: KernelError[] = [];
  for (const [i, t] of got.entries()) {
    const reference = expected[i]!;
    errors.push({
      what: i === 0 ? 'the value' : `the gradient of input ${wrt[i - 1]}`,
      shape: t.shape,
      // Longer than any one sum of this result, which can only make the proved bound looser.
      allowed: 2 * (rounding.longest() + 4),
      ...worstElement(await t.data(), await reference.data(), rounding.bounds(reference)),
    });
  }
  for (const t of [...got, ...expected]) t.dispose();
  return errors;
}

function valueAndGradients(op: Operation, sample: Sample, device: Device, wrt: readonly number[]): Tensor[] {
  return scope(() =>
    enableGrad(() => {
      const inputs = sample.inputs.map((value) => toTensor(device, value));
      const y = op.run(inputs, sample.params);
      if (wrt.length === 0) return [y];
      const cotangent = device.tensor(signed(key(y.size), y.size), y.shape);
      return [
        y,
        ...grad(
          y,
          wrt.map((i) => inputs[i]!),
          { cotangent, unused: 'zeros' },
        ),
      ];
    }),
  );
}

function worstElement(
  got: TypedArray,
  expected: TypedArray,
  sums: Float64Array,
): Pick<KernelError, 'units' | 'element' | 'got' | 'expected'> {
  let worst = { units: 0, element: 0, got: got[0] ?? 0, expected: expected[0] ?? 0 };
  for (let i = 0; i < expected.length; i++) {
    const difference = Math.abs(got[i]! - expected[i]!);
    if (difference <= SMALLEST_NORMAL) continue;
    const units = Number.isNaN(difference) ? Infinity : difference / (UNIT * sums[i]!);
    if (units > worst.units) worst = { units, element: i, got: got[i]!, expected: expected[i]! };
  }
  return worst;
}
