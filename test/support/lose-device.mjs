/**
 * @file Loses WebGPU devices on purpose, in Node: `node --import ./test/support/lose-device.mjs ...` with LOSE_DEVICE="3 createComputePipeline, 1 any".
 *
 * Each entry is for one device, in the order in which a program opens them: at the n-th call of that method (of `any` method) on the device, its queue,
 * its buffers or its encoders, the device is destroyed just before the call. `always` instead of a list loses every device at its first submit.
 * What it saw stands in the file named by LOSE_DEVICE_LOG: a line for each device lost, and at the end the calls by method.
 */
import { appendFileSync } from 'node:fs';
import { globals } from 'webgpu';

const spec = process.env.LOSE_DEVICE ?? '';
const plans = spec
  .split(',')
  .map((part) => /^\s*(\d+) (\w+)\s*$/.exec(part))
  .filter((match) => match !== null)
  .map(([, n, method]) => ({ n: Number(n), method }));
const log = (line) => {
  if (process.env.LOSE_DEVICE_LOG) appendFileSync(process.env.LOSE_DEVICE_LOG, `${line}\n`);
};

/** The device that the program opened last, what is planned for it, and the calls so far. */
let current;
const calls = {};

function note(method) {
  calls[method] = (calls[method] ?? 0) + 1;
  if (!current) return;
  const { plan, seen } = current;
  seen[method] = (seen[method] ?? 0) + 1;
  seen.any = (seen.any ?? 0) + 1;
  if (!plan || seen[plan.method] !== plan.n) return;
  const { device } = current;
  current = undefined;
  log(`lost before call ${plan.n} of ${plan.method}: ${method}`);
  destroy.call(device);
}

const { destroy } = globals.GPUDevice.prototype;
for (const type of ['GPUDevice', 'GPUQueue', 'GPUBuffer', 'GPUCommandEncoder', 'GPUComputePassEncoder']) {
  const { prototype } = globals[type];
  for (const method of Object.getOwnPropertyNames(prototype)) {
    const { value, writable } = Object.getOwnPropertyDescriptor(prototype, method);
    if (method === 'constructor' || typeof value !== 'function' || !writable) continue;
    if (/EventListener|dispatchEvent|^destroy$/.test(method)) continue;
    prototype[method] = function (...args) {
      note(method);
      return value.apply(this, args);
    };
  }
}

const { requestDevice } = globals.GPUAdapter.prototype;
globals.GPUAdapter.prototype.requestDevice = async function (...args) {
  const device = await requestDevice.apply(this, args);
  const plan = spec.trim() === 'always' ? { n: 1, method: 'submit' } : plans.shift();
  current = { device, plan, seen: {} };
  return device;
};
process.on('exit', () => log(`calls ${JSON.stringify(calls)}`));
