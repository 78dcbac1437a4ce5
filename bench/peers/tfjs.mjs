/** @file TensorFlow.js as a contestant: `tsx bench/peers/tfjs.mjs webgpu|wasm|cpu`. Its images are [n, h, w, c]. */
import { fileURLToPath } from 'node:url';
import { elementsOf } from '../data.ts';
import { serve } from '../serve.ts';
import { adapterInUse, gpuErrors, installNavigator, installWebGpu } from './dawn.mjs';

const backend = process.argv[2] ?? 'webgpu';
if (backend === 'webgpu') await installWebGpu();
else installNavigator();
// It announces itself on standard output.
console.log = console.error;
const named = async (module) => {
  const imported = await module;
  return imported.default ?? imported;
};
const tf = await named(import('@tensorflow/tfjs'));
if (backend === 'webgpu') await import('@tensorflow/tfjs-backend-webgpu');
if (backend === 'wasm') {
  const wasm = await named(import('@tensorflow/tfjs-backend-wasm'));
  wasm.setWasmPaths(fileURLToPath(new URL('node_modules/@tensorflow/tfjs-backend-wasm/dist/', import.meta.url)));
  wasm.setThreadsCount(1);
}
await tf.setBackend(backend);
await tf.ready();

async function finish() {
  if (backend !== 'webgpu') return;
  const gpu = tf.backend();
  gpu.ensureCommandEncoderReady();
  gpu.endComputePassEncoder();
  gpu.submitQueue();
  await gpu.queue.onSubmittedWorkDone();
}

/** Its kernels have no gradient for a dilation above 1: then the dilated grid is cut into pieces without dilation. */
function depthwise(x, w, dilation, differentiable) {
  if (dilation === 1) return tf.depthwiseConv2d(x, w, 1, 'same');
  if (!differentiable) return tf.depthwiseConv2d(x, w, 1, 'same', 'NHWC', [dilation, dilation]);
  const p = ((w.shape[0] - 1) * dilation) / 2;
  const pieces = tf.spaceToBatchND(
    x,
    [dilation, dilation],
    [
      [p, p],
      [p, p],
    ],
  );
  const y = tf.depthwiseConv2d(pieces, w, 1, 'valid');
  return tf.batchToSpaceND(
    y,
    [dilation, dilation],
    [
      [0, 0],
      [0, 0],
    ],
  );
}

function batchNorm(x, weight, bias) {
  const { mean, variance } = tf.moments(x, [0, 1, 2]);
  return tf.batchNorm(x, mean, variance, bias, weight, 1e-5);
}

const crossEntropy = (x, oneHot) => tf.neg(tf.mean(tf.sum(tf.mul(oneHot, tf.logSoftmax(x)), -1)));

function cnnLoss(x, oneHot, ...p) {
  let h = x;
  for (let i = 0; i < 3; i++) h = tf.relu(batchNorm(tf.conv2d(h, p[i], 1, 'same'), p[3 + i], p[6 + i]));
  h = tf.maxPool(h, 2, 2, 'valid').reshape([x.shape[0], -1]);
  return crossEntropy(tf.add(tf.matMul(h, p[9]), p[10]), oneHot);
}

function mixedOp(x, alpha, ...w) {
  const c = x.shape[3];
  const normalise = (h) => batchNorm(h, tf.ones([c]), tf.zeros([c]));
  const block = (h, at, dilation) => normalise(tf.conv2d(depthwise(tf.relu(h), w[at], dilation, true), w[at + 1], 1, 'same'));
  const p = tf.unstack(tf.softmax(alpha));
  const outputs = [
    tf.mul(x, 0),
    normalise(tf.maxPool(x, 3, 1, 'same')),
    normalise(tf.avgPool(x, 3, 1, 'same')),
    x,
    block(block(x, 0, 1), 2, 1),
    block(block(x, 4, 1), 6, 1),
    block(x, 8, 2),
    block(x, 10, 2),
  ];
  return outputs.map((y, i) => tf.mul(y, p[i])).reduce((sum, term) => tf.add(sum, term));
}

const COMPUTE = {
  matmul: () => (a, b) => tf.matMul(a, b),
  conv: () => (x, w) => tf.conv2d(x, w, 1, 'same'),
  separable:
    ({ dilation, direction }) =>
    (x, w, p) =>
      tf.conv2d(depthwise(x, w, dilation, direction !== 'f'), p, 1, 'same'),
  depthwise:
    ({ dilation, direction }) =>
    (x, w) =>
      depthwise(x, w, dilation, direction !== 'f'),
  batchNorm: () => batchNorm,
  maxPool: () => (x) => tf.maxPool(x, 3, 1, 'same'),
  avgPool: () => (x) => tf.avgPool(x, 3, 1, 'same'),
  crossEntropy: () => crossEntropy,
  cnnStep: () => cnnLoss,
  mixedOp: () => mixedOp,
};

function put(input) {
  return tf.keep(
    tf.tidy(() => {
      const values = elementsOf(input);
      if (input.role === 'labels') return tf.oneHot(tf.tensor1d(values, 'int32'), input.classes).cast('float32');
      const x = tf.tensor(values, input.shape);
      if (input.role === 'image') return tf.transpose(x, [0, 2, 3, 1]);
      if (input.role === 'filter') return tf.transpose(x, [2, 3, 1, 0]);
      if (input.role === 'taps') return tf.transpose(x, [2, 3, 0, 1]);
      if (input.role !== 'head') return x;
      // The classifier's features are flattened from [h, w, c] here.
      const [out, features] = input.shape;
      const side = Math.sqrt(features / 16);
      return tf.reshape(tf.transpose(tf.reshape(x, [out, 16, side, side]), [2, 3, 1, 0]), [features, out]);
    }),
  );
}

/** The task as a function without arguments that returns its results, to be called in a tidy. */
function build(task, inputs) {
  const f = COMPUTE[task.operation](task);
  if (task.direction === 'f') return () => [f(...inputs)];
  const labels = task.inputs.findIndex(({ role }) => role === 'labels');
  const wanted = inputs.filter((_, i) => i !== labels);
  const gradients = tf.grads((...xs) => f(...(labels < 0 ? xs : insert(xs, labels, inputs[labels]))));
  const cotangent = task.cotangent && put(task.cotangent);
  return () => gradients(wanted, cotangent);
}

const insert = (list, at, item) => [...list.slice(0, at), item, ...list.slice(at)];

function buildStep(task, inputs) {
  const loss = COMPUTE[task.operation](task);
  const [x, oneHot, ...initial] = inputs;
  const variables = initial.map((t) => tf.variable(t));
  const sgd = tf.train.sgd(0.01);
  const step = () => {
    sgd.minimize(() => loss(x, oneHot, ...variables), false, variables);
    return variables;
  };
  return { step, release: () => variables.forEach((v) => v.dispose()) };
}

await serve({
  identity: {
    name: 'tfjs',
    version: tf.version.tfjs,
    get on() {
      return backend === 'webgpu' ? adapterInUse() : backend;
    },
  },
  gpuErrors,
  prepare: async (task) => {
    const inputs = task.inputs.map(put);
    const isStep = task.direction === 'step';
    const training = isStep ? buildStep(task, inputs) : undefined;
    const run = training ? training.step : build(task, inputs);
    return {
      run: async () => {
        tf.tidy(() => void run());
        await finish();
      },
      check: async () => {
        const norms = tf.tidy(() => run().map((t, i) => tf.norm(isStep ? tf.sub(t, inputs[i + 2]) : t)));
        const values = [];
        for (const t of norms) values.push((await t.data())[0]);
        tf.dispose(norms);
        return values;
      },
      release: () => {
        training?.release();
        tf.dispose(inputs);
      },
    };
  },
});
process.exit(0);
