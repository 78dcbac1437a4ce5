/** @file A training step recorded once and replayed: the same weights to the bit, without building a graph at every step. */
import {
  batchNorm2d,
  capture,
  CaptureError,
  conv2d,
  cpu,
  crossEntropy,
  globalAvgPool2d,
  grad,
  key,
  linear,
  normals,
  relu,
  scope,
  type Tensor,
} from 'reparam';
import { SGD } from 'reparam/optim';

const STEPS = 60;
const N = 16;
const device = cpu({ dtype: 'float32' });

/** Sixteen images of noise, the brighter ones of class 1. */
function batch(step: number): { images: Tensor; labels: Tensor } {
  const labels = Array.from({ length: N }, (_, i) => (i + step) % 2);
  const noise = normals(key(step), N * 64);
  return {
    images: device.tensor(
      noise.map((v, i) => v + labels[i >> 6]!),
      [N, 1, 8, 8],
    ),
    labels: device.tensor(labels),
  };
}

/** A network, its optimiser, and a step that takes everything that changes as tensors. */
function training(): { step: (images: Tensor, labels: Tensor) => Tensor; optimizer: SGD } {
  const parameter = (seed: number, shape: number[]): Tensor => {
    const size = shape.reduce((a, b) => a * b, 1);
    return device.parameter(
      normals(key(seed), size).map((v) => 0.3 * v),
      shape,
    );
  };
  const weights = [parameter(100, [8, 1, 3, 3]), parameter(101, [8, 8, 3, 3]), parameter(102, [2, 8])] as const;
  const optimizer = new SGD(weights, { lr: 0.05, momentum: 0.9, weightDecay: 0 });
  const step = (images: Tensor, labels: Tensor): Tensor => {
    const [first, second, head] = weights;
    const h = relu(conv2d(images, first, { padding: 1 }));
    const loss = crossEntropy(linear(globalAvgPool2d(relu(batchNorm2d(conv2d(h, second, { padding: 1 })))), head), labels);
    // `apply` updates on the device; `prepare`, which writes the rates from the host, stays outside.
    optimizer.apply(grad(loss, weights));
    return loss;
  };
  return { step, optimizer };
}

async function train(step: (images: Tensor, labels: Tensor) => Tensor, optimizer: SGD): Promise<{ losses: number[]; ms: number }> {
  const losses: number[] = [];
  const start = performance.now();
  for (let i = 0; i < STEPS; i++) {
    const { images, labels } = batch(i);
    optimizer.prepare();
    const loss = step(images, labels);
    losses.push(await loss.item());
    for (const t of [images, labels, loss]) t.dispose();
  }
  return { losses, ms: performance.now() - start };
}

const plain = training();
const eager = await train((images, labels) => scope(() => plain.step(images, labels)), plain.optimizer);
const again = training();
const captured = capture(again.step);
const replayed = await train(captured, again.optimizer);

console.log(`loss: ${eager.losses[0]!.toFixed(3)} at first, ${eager.losses.at(-1)!.toFixed(3)} after ${STEPS} steps`);
console.log(`the same to the bit: ${eager.losses.every((v, i) => v === replayed.losses[i])}`);
console.log(`milliseconds a step: ${(eager.ms / STEPS).toFixed(2)} eager, ${(replayed.ms / STEPS).toFixed(2)} replayed`);
const { launches, bytes, unsharedBytes } = captured.info!;
console.log(`${launches} kernels; intermediates share ${bytes} bytes instead of ${unsharedBytes}`);

// What cannot be replayed is refused by name: here, numbers from the host that would be the same every time.
try {
  capture((x: Tensor) => conv2d(x, device.tensor(normals(key(1), 9), [1, 1, 3, 3])))(batch(0).images);
} catch (error) {
  if (!(error instanceof CaptureError)) throw error;
  console.log(error.message);
}
