/** @file reparam as a contestant: `tsx bench/contestant.ts webgpu|cpu [eager]`. Whole steps are recorded unless eager; single operations never are. */
import { readFileSync } from 'node:fs';
import { openDevice } from './device.ts';
import { serve } from './serve.ts';
import { prepare } from './workloads.ts';

const [kind = 'webgpu', mode = ''] = process.argv.slice(2);
const device = await openDevice(kind);
const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };

await serve({
  identity: { name: mode === 'eager' ? 'reparam, eager' : 'reparam', version, on: device.name },
  prepare: async (task) => {
    const prepared = prepare(device, task, mode !== 'eager' && task.name.endsWith('_step'));
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
