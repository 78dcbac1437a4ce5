/** @file The workloads that are measured, with the shapes that the peers' side uses too; N = 32 images unless a name says otherwise. */
import {
  avgPool2d,
  batchNorm2d,
  conv2d,
  crossEntropy,
  type Device,
  flatten,
  grad,
  key,
  linear,
  matmul,
  maxPool2d,
  mixedSum,
  normals,
  relu,
  scope,
  slice,
  softmax,
  type Tensor,
} from '../src/index.ts';
import { SGD } from '../src/optim/index.ts';
import { Search } from '../src/snas/index.ts';
import { PRESETS } from '../src/snas/presets.ts';

/** Runs once; what it hands in is timed to the end. */
export type Run = () => void;

export interface Workload {
  readonly name: string;
  /** Sizes, for the table. */
  readonly sizes: string;
  /** Multiplications and additions of one run, where that is a fair measure. */
  readonly flops?: number;
  /** Makes the data and returns the run. */
  readonly prepare: (device: Device) => Run;
}

const N = 32;
let seeds = 0;

function random(device: Device, shape: readonly number[], scale = 1): Tensor {
  const size = shape.reduce((a, b) => a * b, 1);
  return device.parameter(
    normals(key(seeds++), size).map((v) => v * scale),
    shape,
  );
}

function labels(device: Device, n: number, classes: number): Tensor {
  return device.parameter(
    Array.from({ length: n }, (_, i) => (i * 7) % classes),
    [n],
  );
}

/** `.f`, the forward pass, and `.fb`, forward and backward to every input with a fixed cotangent. */
function both(
  name: string,
  sizes: string,
  shapes: readonly (readonly [readonly number[], number?])[],
  outShape: readonly number[],
  f: (...xs: Tensor[]) => Tensor,
  flops?: number,
): Workload[] {
  const inputs = (device: Device): Tensor[] => shapes.map(([shape, scale]) => random(device, shape, scale));
  return [
    {
      name: `${name}.f`,
      sizes,
      ...(flops !== undefined && { flops }),
      prepare: (device) => {
        const xs = inputs(device);
        return () => scope(() => f(...xs)).dispose();
      },
    },
    {
      name: `${name}.fb`,
      sizes,
      ...(flops !== undefined && { flops: 3 * flops }),
      prepare: (device) => {
        const xs = inputs(device);
        const cotangent = random(device, outShape);
        return () => {
          for (const t of scope(() => grad(f(...xs), xs, { cotangent }))) t.dispose();
        };
      },
    },
  ];
}

const normalise = (x: Tensor): Tensor => batchNorm2d(x);
const depthwise = (x: Tensor, w: Tensor, dilation: number): Tensor =>
  conv2d(x, w, { padding: ((w.shape[2]! - 1) * dilation) / 2, dilation, groups: x.shape[1]! });

function matmuls(): Workload[] {
  return [256, 512, 1024].flatMap((n) =>
    both(`matmul${n}`, `${n} x ${n} x ${n}`, [[[n, n]], [[n, n]]], [n, n], (a, b) => matmul(a, b), 2 * n ** 3),
  );
}

function convolutions(): Workload[] {
  const dense = ([name, c, h, k]: readonly [string, number, number, number]): Workload[] =>
    both(
      name,
      `${N} x ${c} x ${h} x ${h}, ${k} x ${k}`,
      [[[N, c, h, h]], [[c, c, k, k], 0.1]],
      [N, c, h, h],
      (x, w) => conv2d(x, w, { padding: (k - 1) / 2 }),
      2 * N * c * c * h * h * k * k,
    );
  const separable = ([name, k, dilation]: readonly [string, number, number]): Workload[] => [
    ...both(
      `${name}_c16_32`,
      `${N} x 16 x 32 x 32, depthwise ${k} (dilation ${dilation}) and pointwise`,
      [[[N, 16, 32, 32]], [[16, 1, k, k], 0.1], [[16, 16, 1, 1], 0.1]],
      [N, 16, 32, 32],
      (x, w, p) => conv2d(depthwise(x, w, dilation), p),
      2 * N * 16 * 1024 * (k * k + 16),
    ),
    both(
      `dw_${name}_c16_32`,
      `${N} x 16 x 32 x 32, depthwise ${k} (dilation ${dilation})`,
      [[[N, 16, 32, 32]], [[16, 1, k, k], 0.1]],
      [N, 16, 32, 32],
      (x, w) => depthwise(x, w, dilation),
      2 * N * 16 * 1024 * k * k,
    )[1]!,
  ];
  return [
    ...(
      [
        ['conv3_c16_32', 16, 32, 3],
        ['conv3_c64_8', 64, 8, 3],
        ['conv1_c16_32', 16, 32, 1],
      ] as const
    ).flatMap(dense),
    ...(
      [
        ['sep3', 3, 1],
        ['dil5', 5, 2],
      ] as const
    ).flatMap(separable),
  ];
}

function normsAndPools(): Workload[] {
  const shape = [N, 16, 32, 32];
  const sizes = `${N} x 16 x 32 x 32`;
  return [
    ...both('bn_c16_32', sizes, [[shape], [[16]], [[16]]], shape, (x, weight, bias) =>
      batchNorm2d(x, { weight: weight, bias: bias }),
    ),
    ...both('maxpool3s1', sizes, [[shape]], shape, (x) => maxPool2d(x, 3, { stride: 1, padding: 1 })),
    ...both('avgpool3s1', sizes, [[shape]], shape, (x) => avgPool2d(x, 3, { stride: 1, padding: 1 })),
    {
      name: 'xent256x1000.fb',
      sizes: '256 x 1000',
      prepare: (device) => {
        const logits = random(device, [256, 1000]);
        const target = labels(device, 256, 1000);
        return () => scope(() => grad(crossEntropy(logits, target), [logits])).forEach((t) => t.dispose());
      },
    },
  ];
}

/** Three 3x3 convolutions with batch norm and relu at 28 x 28, max pool, linear, cross-entropy and SGD, batch 64. */
const cnnStep: Workload = {
  name: 'cnn28_step',
  sizes: '64 x 1 x 28 x 28, C = 16',
  prepare: (device) => {
    const x = random(device, [64, 1, 28, 28]);
    const target = labels(device, 64, 10);
    const convs = [1, 16, 16].map((c) => random(device, [16, c, 3, 3], 0.1));
    const weights = convs.map(() => device.parameter(new Float64Array(16).fill(1)));
    const biases = convs.map(() => device.parameter(new Float64Array(16)));
    const head = random(device, [10, 3136], 0.1);
    const headBias = device.parameter(new Float64Array(10));
    const parameters = [...convs, ...weights, ...biases, head, headBias];
    const sgd = new SGD(parameters, { lr: 0.01 });
    return () =>
      scope(() => {
        let h = x;
        for (const [i, w] of convs.entries()) {
          h = relu(batchNorm2d(conv2d(h, w, { padding: 1 }), { weight: weights[i]!, bias: biases[i]! }));
        }
        const loss = crossEntropy(linear(flatten(maxPool2d(h, 2), 1), head, headBias), target);
        sgd.step(grad(loss, parameters));
      });
  },
};

/** One mixed edge of SNAS, all eight operations at C = 16, 16 x 16, forward and backward to input, weights and log alpha. */
const mixedStep: Workload = {
  name: 'mixedop16_step',
  sizes: `${N} x 16 x 16 x 16, 8 operations`,
  prepare: (device) => {
    const c = 16;
    const x = random(device, [N, c, 16, 16]);
    const alpha = random(device, [8]);
    const taps = (k: number): Tensor => random(device, [c, 1, k, k], 0.1);
    const mix = (): Tensor => random(device, [c, c, 1, 1], 0.1);
    const w = [3, 3, 5, 5, 3, 5].flatMap((k) => [taps(k), mix()]);
    const cotangent = random(device, [N, c, 16, 16]);
    const block = (h: Tensor, at: number, dilation: number): Tensor =>
      normalise(conv2d(depthwise(relu(h), w[at]!, dilation), w[at + 1]!));
    return () => {
      const gradients = scope(() => {
        const y = mixedSum(slice(softmax(alpha), [1]), [
          normalise(maxPool2d(x, 3, { stride: 1, padding: 1 })),
          normalise(avgPool2d(x, 3, { stride: 1, padding: 1 })),
          x,
          block(block(x, 0, 1), 2, 1),
          block(block(x, 4, 1), 6, 1),
          block(x, 8, 2),
          block(x, 10, 2),
        ]);
        return grad(y, [x, alpha, ...w], { cotangent });
      });
      for (const g of gradients) g.dispose();
    };
  },
};

/** A whole SNAS training step on a batch of 32: supernet, weights and architecture. */
function snasStep(
  name: string,
  network: { channels: number; cells: number; stemStride: 1 | 2; inChannels: number },
  side: number,
): Workload {
  return {
    name,
    sizes: `batch ${N}, ${network.cells} cells, C = ${network.channels}, ${side} x ${side} images`,
    prepare: (device) => {
      const size = network.inChannels * side * side;
      const dataset = {
        images: new Uint8Array(N * size).map((_, i) => (i * 31) % 251),
        labels: new Uint8Array(N).map((_, i) => i % 10),
        channels: network.inChannels,
        height: side,
        width: side,
        classes: 10,
      };
      const { trainImages: _t, validationImages: _v, ...preset } = PRESETS.small;
      const search = new Search(
        device,
        { ...preset, seed: 0, network: { ...network, nodes: 4, classes: 10 } },
        { train: dataset, validation: dataset },
      );
      const batch = { images: random(device, [N, network.inChannels, side, side]), labels: labels(device, N, 10) };
      return () => {
        search.trainStep(batch);
        search.step = 0;
      };
    },
  };
}

export const WORKLOADS: readonly Workload[] = [
  ...matmuls(),
  ...convolutions(),
  ...normsAndPools(),
  cnnStep,
  mixedStep,
  snasStep('snas_step_c4_3cells_14', { channels: 4, cells: 3, stemStride: 2, inChannels: 1 }, 28),
  snasStep('snas_step_c16_8cells_32', { channels: 16, cells: 8, stemStride: 1, inChannels: 3 }, 32),
];
