/**
 * @file One SNAS step in a process of its own, so that start-up and peak memory are its alone:
 * `tsx bench/step-process.ts '{"step": NAME, "device": "webgpu", "eager": false, "budget": MS}'` prints one JSON line.
 */
import { WebGpuBackend } from '../src/backends/webgpu/backend.ts';
import { openDevice } from './device.ts';
import { measure } from './measure.ts';
import { SNAS_STEPS, snasStep } from './snas-step.ts';
import { LimitError } from '../src/contract/errors.ts';
import type { StepRefusal, StepReport, StepRequest } from './step-report.ts';
import { watchLaunches } from './watch.ts';

const request = JSON.parse(process.argv[2]!) as StepRequest;
async function report(): Promise<StepReport> {
  const opened = performance.now();
  const device = await openDevice(request.device);
  const step = snasStep(device, SNAS_STEPS[request.step]!, request.eager);
  const ready = performance.now();
  await step.search.warmUp();
  const warm = performance.now();
  let deviceBytes = 0;
  const run = (): void => {
    step.run();
    const { bytes, pooledBytes } = device.memory();
    deviceBytes = Math.max(deviceBytes, bytes + pooledBytes);
  };
  const timing = await measure(device, run, { ms: request.budget, least: 5, most: 40 });
  const { backend } = device;
  const pipelines = backend instanceof WebGpuBackend ? backend.pipelines : undefined;
  const { captured } = step.search;
  let launches = captured?.launches ?? 0;
  if (request.eager) {
    const stop = watchLaunches(device, () => launches++);
    step.run();
    await device.finish();
    stop();
  }
  const result = {
    adapter: device.name,
    timing,
    startUp: warm - opened + timing.first,
    warmUp: warm - ready,
    ...(pipelines !== undefined && { pipelines }),
    launches,
    deviceBytes,
    sharedBytes: captured?.bytes ?? 0,
    unsharedBytes: captured?.unsharedBytes ?? 0,
    processBytes: process.resourceUsage().maxRSS * 1024,
  };
  step.dispose();
  device.destroy();
  return result;
}

const told = await report().catch((error: unknown): StepRefusal => {
  if (!(error instanceof LimitError)) throw error;
  return { refused: error.message };
});
process.stdout.write(`${JSON.stringify(told)}\n`);
