/** @file jax-js as a contestant, under its own jit: `tsx bench/peers/jax.mjs webgpu|wasm`. */
import { readFileSync } from 'node:fs';
import { elementsOf } from '../data.ts';
import { serve } from '../serve.ts';
import { adapterInUse, gpuErrors, installNavigator, installWebGpu } from './dawn.mjs';

const backend = process.argv[2] ?? 'webgpu';
if (backend === 'webgpu') await installWebGpu();
else installNavigator();
const jax = await import('@jax-js/jax');
const { numpy: np, lax, nn, jit, grad } = jax;
await jax.init(backend);
jax.defaultDevice(backend);

// Operations use an array up; `.ref` keeps it for one more use.

const conv = (x, w) => lax.conv(x, w, [1, 1], 'SAME');
const depthwise = (x, w, dilation) => {
  const p = ((w.shape[2] - 1) * dilation) / 2;
  const padding = [
    [p, p],
    [p, p],
  ];
  return lax.convGeneralDilated(x, w, [1, 1], padding, {
    rhsDilation: [dilation, dilation],
    featureGroupCount: x.shape[1],
  });
};

function normalise(x) {
  const mean = np.mean(x.ref, [0, 2, 3], { keepdims: true });
  const centred = x.sub(mean);
  const variance = np.mean(centred.ref.mul(centred.ref), [0, 2, 3], { keepdims: true });
  return centred.div(np.sqrt(variance.add(1e-5)));
}
const batchNorm = (x, weight, bias) =>
  normalise(x)
    .mul(weight.reshape([1, -1, 1, 1]))
    .add(bias.reshape([1, -1, 1, 1]));

const pad = (x, p) =>
  np.pad(x, [
    [0, 0],
    [0, 0],
    [p, p],
    [p, p],
  ]);
/** A border of -1e30 around zeros: added to a padded image it keeps padding from being chosen. */
function border(side, p) {
  const padded = side + 2 * p;
  const inside = (i) => i >= p && i < side + p;
  const values = Float32Array.from({ length: padded * padded }, (_, i) =>
    inside(Math.floor(i / padded)) && inside(i % padded) ? 0 : -1e30,
  );
  return np.array(values).reshape([1, 1, padded, padded]);
}
function maxPool(x, kernel, stride, p) {
  const padded = p ? pad(x, p).add(border(x.shape[2], p)) : x;
  return lax.reduceWindow(padded, np.max, [kernel, kernel], [stride, stride]);
}
/** One over the number of pixels that each 3x3 window covers. */
function windowShares(side) {
  const covered = (i) => Math.min(i + 1, side - 1) - Math.max(i - 1, 0) + 1;
  const values = Float32Array.from({ length: side * side }, (_, i) => 1 / (covered(Math.floor(i / side)) * covered(i % side)));
  return np.array(values).reshape([1, 1, side, side]);
}
function avgPool(x) {
  const side = x.shape[2];
  return lax.reduceWindow(pad(x, 1), np.sum, [3, 3], [1, 1]).mul(windowShares(side));
}

const crossEntropy = (x, oneHot) => np.mean(np.sum(nn.logSoftmax(x, -1).mul(oneHot), -1)).neg();

function cnnLoss(x, oneHot, ...p) {
  let h = x;
  for (let i = 0; i < 3; i++) h = nn.relu(batchNorm(conv(h, p[i]), p[3 + i], p[6 + i]));
  h = maxPool(h, 2, 2, 0).reshape([x.shape[0], -1]);
  return crossEntropy(np.matmul(h, p[9]).add(p[10]), oneHot);
}

function mixedOp(x, alpha, ...w) {
  const block = (h, at, dilation) => normalise(conv(depthwise(nn.relu(h), w[at], dilation), w[at + 1]));
  const p = nn.softmax(alpha);
  const outputs = [
    x.ref.mul(0),
    normalise(maxPool(x.ref, 3, 1, 1)),
    normalise(avgPool(x.ref)),
    x.ref,
    block(block(x.ref, 0, 1), 2, 1),
    block(block(x.ref, 4, 1), 6, 1),
    block(x.ref, 8, 2),
    block(x, 10, 2),
  ];
  return outputs.map((y, i) => y.mul((i < outputs.length - 1 ? p.ref : p).slice(i))).reduce((sum, term) => sum.add(term));
}

const COMPUTE = {
  matmul: () => (a, b) => np.matmul(a, b),
  conv: () => conv,
  separable:
    ({ dilation }) =>
    (x, w, p) =>
      conv(depthwise(x, w, dilation), p),
  depthwise:
    ({ dilation }) =>
    (x, w) =>
      depthwise(x, w, dilation),
  batchNorm: () => batchNorm,
  maxPool: () => (x) => maxPool(x, 3, 1, 1),
  avgPool: () => avgPool,
  crossEntropy: () => crossEntropy,
  cnnStep: () => cnnLoss,
  mixedOp: () => mixedOp,
};

function put(input) {
  const values = elementsOf(input);
  if (input.role === 'head') {
    const [out, features] = input.shape;
    const turned = Float32Array.from({ length: values.length }, (_, i) => values[(i % out) * features + Math.floor(i / out)]);
    return np.array(turned).reshape([features, out]);
  }
  if (input.role !== 'labels') return np.array(values).reshape(input.shape);
  const oneHot = new Float32Array(values.length * input.classes);
  values.forEach((label, i) => (oneHot[i * input.classes + label] = 1));
  return np.array(oneHot).reshape([values.length, input.classes]);
}

/** The compiled task as a function without arguments that returns fresh arrays. */
function compile(task, inputs) {
  const f = COMPUTE[task.operation](task);
  const use = () => inputs.map((x) => x.ref);
  if (task.direction === 'f') {
    const run = jit((...xs) => [f(...xs)]);
    return () => run(...use());
  }
  const argnums = task.inputs.flatMap(({ role }, i) => (role === 'labels' ? [] : [i]));
  if (!task.cotangent) {
    const run = jit((...xs) => grad(f, { argnums })(...xs));
    return () => run(...use());
  }
  const cotangent = put(task.cotangent);
  const run = jit((...all) => {
    const along = (...xs) => {
      const g = xs.pop();
      return np.sum(f(...xs).mul(g));
    };
    return grad(along, { argnums })(...all);
  });
  return () => run(...use(), cotangent.ref);
}

function compileStep(task, inputs) {
  const [x, oneHot, ...initial] = inputs;
  let parameters = initial;
  const gradients = grad(COMPUTE[task.operation](task), { argnums: initial.map((_, i) => i + 2) });
  const step = jit((x, oneHot, ...ps) => {
    const g = gradients(x, oneHot, ...ps.map((p) => p.ref));
    return ps.map((p, i) => p.sub(g[i].mul(0.01)));
  });
  return () => {
    parameters = step(x.ref, oneHot.ref, ...parameters);
    return parameters.map((p) => p.ref);
  };
}

async function normOf(array) {
  let sum = 0;
  for (const v of await array.data()) sum += v * v;
  return Math.sqrt(sum);
}

await serve({
  identity: {
    name: 'jax-js',
    version: JSON.parse(readFileSync(new URL('node_modules/@jax-js/jax/package.json', import.meta.url), 'utf8')).version,
    get on() {
      return backend === 'webgpu' ? adapterInUse() : backend;
    },
  },
  gpuErrors,
  prepare: async (task) => {
    const inputs = task.inputs.map(put);
    const isStep = task.direction === 'step';
    const before = isStep ? inputs.slice(2).map((x) => x.ref) : [];
    const run = isStep ? compileStep(task, inputs) : compile(task, inputs);
    return {
      run: async () => {
        const outputs = run();
        await jax.blockUntilReady(outputs);
        for (const array of jax.tree.leaves(outputs)) array.dispose();
      },
      check: async () => {
        const outputs = jax.tree.leaves(run());
        const norms = [];
        for (const [i, array] of outputs.entries()) norms.push(await normOf(isStep ? array.sub(before[i]) : array));
        return norms;
      },
      release: () => {
        if (!isStep) for (const array of inputs) array.dispose();
      },
    };
  },
});
process.exit(0);
