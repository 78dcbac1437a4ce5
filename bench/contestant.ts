/**
 * @file reparam as a contestant: `tsx bench/contestant.ts webgpu|cpu [eager] [ROOT built|sources]`. Whole steps are recorded unless
 * eager; single operations never are. With ROOT it is the library of that checkout, under the tasks of this one.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { openDevice } from './device.ts';
import { HERE, libraryOf, ROOT, snasTask } from './library.ts';
import { serve } from './serve.ts';
import { prepare } from './workloads.ts';

const [kind = 'webgpu', mode = '', root, from] = process.argv.slice(2);
const library = root === undefined ? HERE : await libraryOf(root, from === 'built' ? 'built' : 'sources');
const device = await openDevice(kind, library);
const { version } = JSON.parse(readFileSync(path.join(root ?? ROOT, 'package.json'), 'utf8')) as { version: string };
const eager = mode === 'eager';

await serve({
  identity: { name: eager ? 'reparam, eager' : 'reparam', version, on: device.name },
  prepare: async (task) => {
    const prepared =
      task.operation === 'snasStep'
        ? await snasTask(root ?? ROOT, kind, task, eager)
        : { ...prepare(device, task, !eager && task.name.endsWith('_step'), library), device };
    return {
      run: async () => {
        prepared.run();
        await prepared.device.finish();
      },
      check: prepared.check,
      release: prepared.dispose,
    };
  },
  // The device turns them into exceptions at the next wait.
  gpuErrors: () => [],
});
device.destroy();
