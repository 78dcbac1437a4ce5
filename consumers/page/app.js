/** @file What a page does with the package: gradients on each device, a training step, and an error of each class. */
import { entries } from './entries.js';

const { conv2d, cpu, crossEntropy, grad, globalAvgPool2d, matmul, mul, OptionError, ReparamError, relu, sum, webgpu } =
  entries.reparam;
const { SGD } = entries['reparam/optim'];

/** The gradient of a small network by its filter; every device must give it. */
async function filterGradient(device) {
  const x = device.tensor(
    Array.from({ length: 32 }, (_, i) => Math.sin(i)),
    [2, 1, 4, 4],
  );
  const w = device.tensor(
    Array.from({ length: 18 }, (_, i) => Math.cos(i)),
    [2, 1, 3, 3],
  );
  const loss = crossEntropy(globalAvgPool2d(relu(conv2d(x, w, { padding: 1 }))), device.tensor([0, 1]));
  return [...(await grad(loss, [w])[0].data())];
}

/** What opening a device and computing with it gives, or the name and message of what it throws. */
async function attempt(open) {
  try {
    const device = await open();
    return { name: device.name, gradient: await filterGradient(device) };
  } catch (error) {
    return { error: error.name, typed: error instanceof ReparamError, message: error.message };
  }
}

/** One step of SGD on 0.5 w^2 from w = 2 with rate 0.1: 1.8. */
async function trainingStep() {
  const w = cpu().parameter([2]);
  const optimizer = new SGD([w], { lr: 0.1 });
  optimizer.step(grad(sum(mul(mul(w, w), 0.5)), [w]));
  return (await w.data())[0];
}

/** What the constructors take that want more than a message. */
const PARAMETERS = {
  DataFormatError: ['images.gz', 4, 'too short'],
  GradientError: [{ fault: 'wrong', op: 'exp', args: [], shape: [1], analytic: 1, numeric: 2, relativeError: 1, allowed: 0 }],
};

/** The names that an error of each exported class has, by the name of the class in the documentation. */
function errorNames() {
  const found = {};
  for (const names of Object.values(entries)) {
    for (const [name, value] of Object.entries(names)) {
      if (typeof value !== 'function' || !(value === ReparamError || value.prototype instanceof ReparamError)) continue;
      found[name] = new value(...(PARAMETERS[name] ?? ['m'])).name;
    }
  }
  return found;
}

function thrownName() {
  try {
    cpu({ dtype: 'float16' });
  } catch (error) {
    return error instanceof OptionError ? error.name : `not an OptionError: ${String(error)}`;
  }
  return 'nothing was thrown';
}

/** What a float32 device does with two threads: from outside, as its package does not say. */
async function threads() {
  const real = { Worker: globalThis.Worker, warn: console.warn, wait: Atomics.wait, compareExchange: Atomics.compareExchange };
  const seen = { workers: 0, said: 0, waits: 0, claims: 0 };
  globalThis.Worker = class extends real.Worker {
    constructor(...parameters) {
      super(...parameters);
      seen.workers++;
    }
  };
  console.warn = () => void seen.said++;
  Atomics.wait = (...parameters) => {
    seen.waits++;
    return real.wait.call(Atomics, ...parameters);
  };
  Atomics.compareExchange = (...parameters) => {
    seen.claims++;
    return real.compareExchange.call(Atomics, ...parameters);
  };
  try {
    return { ...(await sharing(seen)), ...seen, isolated: globalThis.crossOriginIsolated };
  } catch (error) {
    return { error: error.name };
  } finally {
    Object.assign(Atomics, { wait: real.wait, compareExchange: real.compareExchange });
    Object.assign(globalThis, { Worker: real.Worker });
    console.warn = real.warn;
  }
}

/** Products on a device of two threads until they are shared, or for two seconds. */
async function sharing(seen) {
  const device = cpu({ dtype: 'float32', threads: 2 });
  const n = 192;
  const a = device.tensor(
    Array.from({ length: n * n }, (_, i) => Math.sin(i)),
    [n, n],
  );
  const product = async () => (await matmul(a, a).data()).join();
  const first = await product();
  const atFirst = seen.claims;
  let same = true;
  for (let i = 0; i < 200 && seen.claims < 10; i++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    same &&= (await product()) === first;
  }
  const shared = (await device.tensor([1, 2]).data()).buffer instanceof ArrayBuffer ? 'no' : 'a view of shared memory';
  device.destroy();
  return { atFirst, same, shared };
}

export async function report() {
  return {
    entries: Object.entries(entries).map(([name, names]) => [name, Object.keys(names).length]),
    float64: await attempt(() => cpu()),
    float32: await attempt(() => cpu({ dtype: 'float32' })),
    loops: await attempt(() => cpu({ dtype: 'float32', simd: false })),
    webgpu: await attempt(() => webgpu()),
    step: await trainingStep(),
    names: errorNames(),
    thrown: thrownName(),
    threads: await threads(),
  };
}
