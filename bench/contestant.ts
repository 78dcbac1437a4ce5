/**
 * @file reparam as a contestant: `tsx bench/contestant.ts webgpu|cpu [eager] [ROOT]`. Whole steps are recorded unless eager; single
 * operations never are. With ROOT it is the library of that checkout, under the tasks of this one.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { openDevice } from './device.ts';
import { HERE, libraryOf, ROOT, snasTask } from './library.ts';
import { serve } from './serve.ts';
import { prepare } from './workloads.ts';

const [kind = 'webgpu', mode = '', root = ROOT] = process.argv.slice(2);
const library = root === ROOT ? HERE : await libraryOf(root);
const device = await openDevice(kind, library);
const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { version: string };
const eager = mode === 'eager';

await serve({
  identity: { name: eager ? 'reparam, eager' : 'reparam', version, on: device.name },
  prepare: async (task) => {
    const prepared =
      task.operation === 'snasStep'
        ? await snasTask(root, device, task.name, eager)
        : prepare(device, task, !eager && task.name.endsWith('_step'), library);
    return {
      run: async () => {
        prepared.run();
        await device.finish();
      },
      check: prepared.check,
      release: prepared.dispose,
    };
  },
  // The device turns them into exceptions at the next wait.
  gpuErrors: () => [],
});
device.destroy();
