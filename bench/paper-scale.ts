/** @file `npm run bench:paper`: what a search of the paper's size costs by arithmetic, and where its time would go on a GPU of stated speed. */
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { countStep } from './count.ts';
import { adapterEnvironment, openDevice } from './device.ts';
import { describe, type StepSizes } from './snas-step.ts';
import { figure, table } from './table.ts';

const { values } = parseArgs({
  options: {
    device: { type: 'string', default: 'webgpu' },
    adapter: { type: 'string', default: 'default' },
    channels: { type: 'string', default: '16' },
    cells: { type: 'string', default: '8' },
    batch: { type: 'string', default: '64' },
    side: { type: 'string', default: '32' },
    images: { type: 'string', default: '25000' },
    epochs: { type: 'string', default: '150' },
    tflops: { type: 'string', default: '5' },
    gbps: { type: 'string', default: '400' },
    'host-us': { type: 'string', default: '5' },
    'device-us': { type: 'string', default: '5' },
    json: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  process.stdout.write(`npm run bench:paper -- [flags]
  --device webgpu|cpu  --adapter NAME            whose kernels to count; nothing is run, so any adapter will do
  --channels 16 --cells 8 --batch 64 --side 32   the supernet and its CIFAR-10 images
  --images 25000 --epochs 150                    the training half, and how often it is seen
  --tflops 5 --gbps 400                          what the GPU is assumed to sustain: 10^12 flops/s in products, 10^9 bytes/s
  --host-us 5 --device-us 5                      assumed microseconds a dispatch: to encode it, and to start it on the device
  --json FILE
`);
  process.exit(0);
}
Object.assign(process.env, adapterEnvironment(values.adapter));
const number = (name: Exclude<keyof typeof values, 'help' | 'device' | 'adapter' | 'json'>): number => Number(values[name]);

const sizes: StepSizes = {
  channels: number('channels'),
  cells: number('cells'),
  batch: number('batch'),
  side: number('side'),
  inChannels: 3,
  stemStride: 1,
};
const device = await openDevice(values.device);
const count = await countStep(device, sizes);
const steps = Math.floor(number('images') / sizes.batch) * number('epochs');
const flops = count.productFlops + count.otherFlops;

/** Seconds of one step, by each bound. Products run at the stated rate, and all bytes pass at the stated bandwidth. */
const seconds = {
  host: (count.dispatches * number('host-us')) / 1e6,
  launch: (count.dispatches * number('device-us')) / 1e6,
  flops: count.productFlops / (number('tflops') * 1e12),
  bytes: count.traffic / (number('gbps') * 1e9),
};
const bounds: readonly (readonly [string, number])[] = [
  [`host, ${values['host-us']} us a dispatch`, seconds.host],
  [`starting dispatches, ${values['device-us']} us each`, seconds.launch],
  [`products, ${values.tflops} TFLOP/s`, seconds.flops],
  [`bytes, ${values.gbps} GB/s`, seconds.bytes],
];
process.stdout.write(
  `${new Date().toISOString().slice(0, 10)}; ${describe(sizes)}; ${steps} steps (${values.images} images, ${values.epochs} epochs); kernels of ${device.name}.\n\n`,
);
const giga = (x: number): string => figure(x / 1e9);
process.stdout.write(
  `${table(
    ['count', 'one step', 'the search'],
    [
      ['dispatches', String(count.dispatches), (count.dispatches * steps).toExponential(2)],
      ['flops in products, 10^9', giga(count.productFlops), ((count.productFlops * steps) / 1e9).toExponential(2)],
      ['other flops, 10^9', giga(count.otherFlops), ((count.otherFlops * steps) / 1e9).toExponential(2)],
      ['bytes read and written, 10^9', giga(count.traffic), ((count.traffic * steps) / 1e9).toExponential(2)],
      ['flops a byte', figure(flops / count.traffic), ''],
      ['intermediates held, 10^9 bytes', giga(count.stepBytes), ''],
      ['weights and optimisers, 10^6 bytes', figure(count.stateBytes / 1e6), ''],
    ],
  )}\n\n`,
);
process.stdout.write(
  `${table(
    ['bound', 'a step, ms', 'the search, h'],
    bounds.map(([name, s]) => [name, figure(s * 1000), figure((s * steps) / 3600)]),
  )}\n`,
);
if (values.json !== undefined) {
  await writeFile(values.json, `${JSON.stringify({ sizes, steps, count, seconds }, undefined, 2)}\n`);
}
device.destroy();
