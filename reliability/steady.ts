/** @file Replays a captured training step many times, on the CPU and on WebGPU: buffers, bind groups and resident memory stay where they were. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import {
  avgPool2d,
  batchNorm2d,
  capture,
  conv2d,
  cpu,
  crossEntropy,
  type Device,
  flatten,
  globalAvgPool2d,
  grad,
  gumbels,
  key,
  linear,
  maxPool2d,
  mixedSum,
  normals,
  relu,
  softmax,
  add,
  slice,
  type Tensor,
  webgpu,
} from '../src/index.ts';
import { Adam, clipGradNorm, SGD } from '../src/optim/index.ts';

export interface SteadyOptions {
  /** Steps on each device. */
  readonly steps: number;
  readonly devices: readonly ('cpu' | 'webgpu')[];
  readonly say: (line: string) => void;
}

/** What a process and its device hold, after the garbage collector. */
interface Mark {
  readonly tensors: number;
  readonly bytes: number;
  readonly buffers: number;
  readonly bindGroups: number;
  readonly resident: number;
}

const MARKS = 10;
/** Resident bytes that may be more at the end than after the first tenth: what V8 compiles and its heap's pages come and go by some MiB. */
const MOST_GROWTH = 8 * 2 ** 20;
const MIB = 2 ** 20;

export async function steady({ steps, devices, say }: SteadyOptions): Promise<{ readonly line: string; readonly failed: boolean }> {
  const each = Math.max(1, Math.floor(steps / MARKS));
  const told: string[] = [];
  let failed = false;
  for (const kind of devices) {
    const living = kind === 'webgpu' ? await watchWebGpu() : { buffers: () => 0, bindGroups: () => 0 };
    const device = kind === 'webgpu' ? await webgpu() : cpu({ dtype: 'float32' });
    const step = trainingStep(device);
    const marks: Mark[] = [];
    for (let mark = 0; mark < MARKS; mark++) {
      for (let i = 0; i < each; i++) await step.run(mark * each + i);
      await collectGarbage();
      const { tensors, bytes, pooledBytes } = device.memory();
      marks.push({
        tensors,
        bytes: bytes + pooledBytes,
        buffers: living.buffers(),
        bindGroups: living.bindGroups(),
        resident: process.memoryUsage.rss(),
      });
      say(`${device.name}, ${(mark + 1) * each} steps: ${inWords(marks.at(-1)!)}`);
    }
    step.dispose();
    device.destroy();
    const [first, last] = [marks[0]!, marks.at(-1)!];
    const counted = (['tensors', 'bytes', 'buffers', 'bindGroups'] as const).filter((what) => last[what] > first[what]);
    const growth = last.resident - first.resident;
    if (counted.length > 0 || growth > MOST_GROWTH) failed = true;
    told.push(
      `${device.name}: ${inWords(first)} after the first tenth, ${inWords(last)} after the last, ` +
        `resident memory ${slope(marks, each).toFixed(1)} bytes a step${counted.length > 0 ? `, MORE ${counted.join(', ')}` : ''}`,
    );
  }
  return { failed, line: `${each * MARKS} captured steps a device. ${told.join('. ')}: ${failed ? 'not steady' : 'steady'}` };
}

const inWords = ({ tensors, bytes, buffers, bindGroups, resident }: Mark): string =>
  `${tensors} tensors of ${(bytes / MIB).toFixed(2)} MiB, ${buffers > 0 ? `${buffers} buffers, ${bindGroups} bind groups, ` : ''}` +
  `${(resident / MIB).toFixed(1)} MiB resident`;

/** By least squares. */
function slope(marks: readonly Mark[], each: number): number {
  const middle = (marks.length - 1) / 2;
  const mean = marks.reduce((sum, m) => sum + m.resident, 0) / marks.length;
  const [over, under] = marks.reduce(([a, b], m, i) => [a + (i - middle) * (m.resident - mean), b + (i - middle) ** 2], [0, 0] as [
    number,
    number,
  ]);
  return over / under / each;
}

/**
 * A mixed edge of pools and convolutions under Gumbel noise, batch norms with running statistics, a clipped step of SGD for the weights and
 * one of Adam for log alpha: images, labels and noise are new tensors at every step, and the loss is read every sixteen.
 */
function trainingStep(device: Device): { readonly run: (i: number) => Promise<void>; readonly dispose: () => void } {
  const [n, c, side, classes] = [8, 4, 8, 5];
  const random = (seed: number, ...shape: number[]): Tensor => {
    const count = shape.reduce((a, b) => a * b, 1);
    return device.parameter(
      normals(key(seed), count).map((v) => 0.3 * v),
      shape,
    );
  };
  const weights = [random(1, c, 3, 3, 3), random(2, c, 1, 3, 3), random(3, c, c, 1, 1), random(4, classes, c)];
  const logits = random(5, 4);
  const running = device.parameter([...Array<number>(c).fill(0), ...Array<number>(c).fill(1)], [2, c]);
  const [sgd, adam] = [new SGD(weights, { lr: 0.05, momentum: 0.9 }), new Adam([logits], { lr: 0.01 })];
  const step = capture((images: Tensor, labels: Tensor, noise: Tensor): Tensor => {
    const [stem, taps, mix, head] = weights as [Tensor, Tensor, Tensor, Tensor];
    const x = batchNorm2d(conv2d(images, stem, { padding: 1 }), { running });
    const z = slice(softmax(add(logits, noise)), [1]);
    const options = [
      maxPool2d(x, 3, { stride: 1, padding: 1 }),
      avgPool2d(x, 3, { stride: 1, padding: 1 }),
      batchNorm2d(conv2d(conv2d(relu(x), taps, { padding: 1, groups: c }), mix)),
    ];
    const loss = crossEntropy(linear(flatten(globalAvgPool2d(mixedSum(z, options)), 1), head), labels);
    const gradients = grad(loss, [...weights, logits]);
    sgd.apply(gradients.slice(0, -1), { scale: clipGradNorm(gradients.slice(0, -1), 5).scale });
    adam.apply(gradients.slice(-1));
    return loss;
  });
  const owned = [...weights, logits, running];
  return {
    run: async (i) => {
      const inputs = [
        device.tensor(normals(key(i), n * 3 * side * side), [n, 3, side, side]),
        device.tensor(Array.from({ length: n }, (_, k) => (i + k) % classes)),
        device.tensor(gumbels(key(i), 4)),
      ] as const;
      sgd.prepare();
      adam.prepare();
      const loss = step(...inputs);
      if (i % 16 === 0) {
        const [value] = await loss.data();
        if (!Number.isFinite(value)) throw new Error(`steady: the loss of step ${i} is ${value}`);
      }
      for (const t of [...inputs, loss]) t.dispose();
      await device.finish();
    },
    dispose: () => {
      step.dispose();
      sgd.dispose();
      adam.dispose();
      for (const t of owned) t.dispose();
    },
  };
}

/** Counts of WebGPU's living objects: a buffer lives until it is destroyed, a bind group until the collector finds it. */
async function watchWebGpu(): Promise<{ readonly buffers: () => number; readonly bindGroups: () => number }> {
  const { globals } = await import('webgpu');
  const { GPUDevice: device, GPUBuffer: buffer } = globals as unknown as {
    readonly GPUDevice: { readonly prototype: GPUDevice };
    readonly GPUBuffer: { readonly prototype: GPUBuffer };
  };
  const { createBuffer, createBindGroup } = device.prototype;
  const { destroy } = buffer.prototype;
  const buffers = new Set<WeakRef<GPUBuffer>>();
  const known = new WeakMap<GPUBuffer, WeakRef<GPUBuffer>>();
  const forgotten = new FinalizationRegistry<WeakRef<GPUBuffer>>((ref) => buffers.delete(ref));
  let groups = 0;
  const gone = new FinalizationRegistry<void>(() => groups--);
  device.prototype.createBuffer = function (descriptor) {
    const made = createBuffer.call(this, descriptor);
    const ref = new WeakRef(made);
    buffers.add(ref);
    known.set(made, ref);
    forgotten.register(made, ref);
    return made;
  };
  buffer.prototype.destroy = function () {
    const ref = known.get(this);
    if (ref) buffers.delete(ref);
    return destroy.call(this);
  };
  device.prototype.createBindGroup = function (descriptor) {
    const made = createBindGroup.call(this, descriptor);
    groups++;
    gone.register(made);
    return made;
  };
  return { buffers: () => buffers.size, bindGroups: () => groups };
}

async function collectGarbage(): Promise<void> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (let turn = 0; turn < 3; turn++) {
    collect();
    // Finalisers run between tasks.
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
