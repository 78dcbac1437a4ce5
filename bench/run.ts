/** @file `npm run bench -- [--filter RE] [--device auto|webgpu|cpu|cpu64] [--json FILE] [--budget MS]`: our side of the benchmark. */
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { cpu, type Device } from '../src/index.ts';
import { webgpu } from '../src/webgpu/device.ts';
import { measure, type Measurement } from './measure.ts';
import { WORKLOADS } from './workloads.ts';

const { values } = parseArgs({
  options: {
    filter: { type: 'string', default: '' },
    device: { type: 'string', default: 'webgpu' },
    json: { type: 'string' },
    budget: { type: 'string', default: '1500' },
  },
});

async function open(name: string): Promise<Device> {
  if (name === 'cpu') return cpu({ dtype: 'float32' });
  if (name === 'cpu64') return cpu({ dtype: 'float64' });
  if (name === 'webgpu') return webgpu();
  throw new Error(`--device ${name}: must be webgpu, cpu or cpu64`);
}

const chosen = WORKLOADS.filter((w) => new RegExp(values.filter).test(w.name));
if (chosen.length === 0) throw new Error(`--filter ${values.filter}: no workload of ${WORKLOADS.map((w) => w.name).join(', ')}`);
const device = await open(values.device);
process.stdout.write(`${device.name}, ${device.dtype}; Node ${process.version}; milliseconds\n`);
process.stdout.write(
  `${'workload'.padEnd(26)}${['median', 'min', 'max', 'first', 'runs', 'GFLOP/s'].map((h) => h.padStart(10)).join('')}  sizes\n`,
);
const results: Measurement[] = [];
for (const workload of chosen) {
  const m = await measure(device, workload, { ms: Number(values.budget), least: 5, most: 40 });
  results.push(m);
  const cells = [
    m.median.toFixed(2),
    m.min.toFixed(2),
    m.max.toFixed(2),
    m.first.toFixed(0),
    String(m.runs),
    m.gflops?.toFixed(1) ?? '',
  ];
  process.stdout.write(`${m.work.padEnd(26)}${cells.map((c) => c.padStart(10)).join('')}  ${m.sizes}\n`);
}
const { pooledBytes, bytes } = device.memory();
const memory = { deviceBytes: bytes + pooledBytes, processBytes: process.memoryUsage().rss };
process.stdout.write(
  `memory: ${(memory.deviceBytes / 2 ** 20).toFixed(0)} MiB on the device, ${(memory.processBytes / 2 ** 20).toFixed(0)} MiB in the process\n`,
);
if (values.json !== undefined) {
  await writeFile(
    values.json,
    `${JSON.stringify({ adapter: device.name, dtype: device.dtype, node: process.version, memory, results }, undefined, 2)}\n`,
  );
}
device.destroy();
