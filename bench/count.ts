/** @file Counts what a SNAS step asks of a device, from its recording alone: dispatches, flops and bytes, at any batch without running it. */
import { cpu, type Device } from '../src/index.ts';
import { snasStep, type StepSizes } from './snas-step.ts';
import { line } from './statistics.ts';
import { type Launch, watchLaunches } from './watch.ts';

export interface StepCount {
  /** Kernels launched. */
  readonly dispatches: number;
  /** Multiplications and additions of convolutions and matrix products, and of everything else. */
  readonly productFlops: number;
  readonly otherFlops: number;
  /** Each dispatch's inputs once and outputs once: what memory must move if nothing stays in a cache between dispatches. */
  readonly traffic: number;
  /** Intermediates, as they share memory in the recorded step. */
  readonly stepBytes: number;
  /** Weights, architecture and both optimisers. */
  readonly stateBytes: number;
}

const size = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

const LAYOUT = new Set(['permute', 'broadcastTo', 'slice', 'pad', 'concat', 'assign', 'take', 'randomBits']);

/** Flops of a primitive: [in products, others]. An elementwise result, an input of a reduction or a compared pixel counts as one. */
export function flopsOf({ name, params, inputs, outputs }: Launch): readonly [products: number, others: number] {
  const [a, b] = inputs.map(({ shape }) => shape) as [readonly number[], readonly number[]];
  const out = outputs[0]!.shape;
  switch (name) {
    case 'matmul': {
      const { transposeA } = params as { readonly transposeA: boolean };
      return [2 * size(out) * a.at(transposeA ? -2 : -1)!, 0];
    }
    // Each tap of a filter is used once for each pixel of the output image g: [x, w] -> g, [g, w] -> x, [x, g] -> w.
    case 'conv2d':
      return [(2 * size(out) * size(b)) / b[0]!, 0];
    case 'conv2dInput':
      return [(2 * size(a) * size(b)) / b[0]!, 0];
    case 'conv2dFilter':
      return [(2 * size(b) * size(out)) / out[0]!, 0];
    case 'sumTo':
    case 'maxTo':
    case 'put':
      return [0, size(a)];
    case 'maxPoolIndices': {
      const { kernel } = params as { readonly kernel: readonly [number, number] };
      return [0, size(out) * kernel[0] * kernel[1]];
    }
    default:
      return [0, LAYOUT.has(name) ? 0 : outputs.reduce((sum, { shape }) => sum + size(shape), 0)];
  }
}

interface Seen {
  readonly launches: readonly Launch[];
  readonly stepBytes: number;
  readonly stateBytes: number;
}

async function record(device: Device, sizes: StepSizes): Promise<Seen> {
  const before = device.memory().bytes;
  const step = snasStep(device, sizes);
  const stateBytes = device.memory().bytes - before - 4 * (size(step.batch.images.shape) + sizes.batch);
  const launches: Launch[] = [];
  const stop = watchLaunches(device, (launch) => {
    if (device.backend.capturing) launches.push(launch);
  });
  await step.search.warmUp();
  stop();
  const stepBytes = step.search.captured!.bytes;
  step.dispose();
  return { launches, stepBytes, stateBytes };
}

const BATCHES = [2, 4] as const;

/**
 * The counts of one step. Dispatches do not depend on the batch; flops and bytes are a constant and a multiple of it, found from two small
 * batches. Flops are those of the composites in primitives; dispatches and bytes are those of `device`, with its fused kernels.
 */
export async function countStep(device: Device, sizes: StepSizes): Promise<StepCount> {
  const plain = cpu({ dtype: 'float32', simd: false });
  const at = async (batch: number): Promise<StepCount> => {
    const { launches, stepBytes, stateBytes } = await record(device, { ...sizes, batch });
    const primitives = await record(plain, { ...sizes, batch });
    let [productFlops, otherFlops, traffic] = [0, 0, 0];
    for (const launch of primitives.launches) {
      const [products, others] = flopsOf(launch);
      productFlops += products;
      otherFlops += others;
    }
    for (const { inputs, outputs } of launches) {
      for (const { shape } of [...inputs, ...outputs]) traffic += 4 * size(shape);
    }
    return { dispatches: launches.length, productFlops, otherFlops, traffic, stepBytes, stateBytes };
  };
  const [low, high] = [await at(BATCHES[0]), await at(BATCHES[1])];
  const grown = (what: keyof StepCount): number => {
    const { fixed, each } = line([BATCHES[0], low[what]], [BATCHES[1], high[what]]);
    return fixed + each * sizes.batch;
  };
  return {
    dispatches: low.dispatches,
    productFlops: grown('productFlops'),
    otherFlops: grown('otherFlops'),
    traffic: grown('traffic'),
    stepBytes: grown('stepBytes'),
    stateBytes: low.stateBytes,
  };
}
