/** @file `npm run bench:scaling`: how time and memory of a recorded SNAS step grow with batch, channels, cells and image side, one at a time. */
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { ADAPTERS, adapterEnvironment, openDevice } from './device.ts';
import { measure } from './measure.ts';
import { snasStep, type StepSizes } from './snas-step.ts';
import { exponent } from './statistics.ts';
import { figure, mebibytes, table } from './table.ts';

const { values } = parseArgs({
  options: {
    device: { type: 'string', default: 'cpu' },
    adapter: { type: 'string', default: 'default' },
    small: { type: 'boolean', default: false },
    budget: { type: 'string', default: '3000' },
    json: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  process.stdout.write(`npm run bench:scaling -- [flags]
  --device webgpu|cpu         default cpu
  --adapter ${ADAPTERS.join('|')}
  --small                     a smaller base and fewer points, for a software adapter
  --budget MS                 of each point; default 3000
  --json FILE
`);
  process.exit(0);
}
Object.assign(process.env, adapterEnvironment(values.adapter));

type Factor = 'batch' | 'channels' | 'cells' | 'side';
const BASE: StepSizes = { channels: 8, cells: 3, batch: values.small ? 8 : 16, side: 16, inChannels: 3, stemStride: 1 };
const POINTS: Readonly<Record<Factor, readonly number[]>> = values.small
  ? { batch: [4, 8, 16], channels: [4, 8, 16], cells: [3, 6, 9], side: [8, 16, 32] }
  : { batch: [8, 16, 32, 64], channels: [4, 8, 16, 32], cells: [3, 6, 9, 12], side: [8, 16, 32] };

interface Point {
  readonly factor: Factor;
  readonly value: number;
  /** Milliseconds of a step: on the clock, and of all processors. */
  readonly wall: number;
  readonly cpu: number;
  readonly launches: number;
  /** Bytes of the weights and their optimiser, and of the step's intermediates as they share memory. */
  readonly stateBytes: number;
  readonly stepBytes: number;
}

const device = await openDevice(values.device);

async function measurePoint(factor: Factor, value: number): Promise<Point> {
  const before = device.memory().bytes;
  const step = snasStep(device, { ...BASE, [factor]: value });
  const stateBytes = device.memory().bytes - before;
  await step.search.warmUp();
  const timing = await measure(device, step.run, { ms: Number(values.budget), least: 5, most: 15 });
  const { launches, bytes } = step.search.captured!;
  step.dispose();
  await device.finish();
  return { factor, value, wall: timing.wall.median, cpu: timing.cpu.median, launches, stateBytes, stepBytes: bytes };
}

const points: Point[] = [];
const measured = new Map<string, Point>();
for (const factor of Object.keys(POINTS) as Factor[]) {
  for (const value of POINTS[factor]) {
    // Where a factor has its base value the sizes are the base's, measured once.
    const sizes = JSON.stringify({ ...BASE, [factor]: value });
    const point = { ...(measured.get(sizes) ?? (await measurePoint(factor, value))), factor, value };
    measured.set(sizes, point);
    points.push(point);
    process.stderr.write(`${factor} ${value}: ${figure(point.wall)} ms\n`);
  }
}

const date = new Date().toISOString().slice(0, 10);
const { channels, cells, batch, side } = BASE;
process.stdout.write(
  `${date}; ${device.name}, float32; Node ${process.version}. Base: batch ${batch}, C = ${channels}, ${cells} cells, ${side} x ${side} images.\n\n`,
);
const rows = points.map((p) => [
  p.factor,
  String(p.value),
  figure(p.wall),
  figure(p.cpu),
  String(p.launches),
  mebibytes(p.stepBytes),
  mebibytes(p.stateBytes),
]);
process.stdout.write(
  `${table(['factor', 'value', 'wall, ms', 'CPU, ms', 'launches', 'intermediates, MiB', 'weights and optimiser, MiB'], rows)}\n\n`,
);

/** Over all points, and between the last two, where what is fixed matters least. */
const exponents = (Object.keys(POINTS) as Factor[]).map((factor) => {
  const own = points.filter((p) => p.factor === factor);
  const of = (y: (p: Point) => number): { all: number; last: number } => {
    const curve = own.map((p) => [p.value, y(p)] as const);
    return { all: exponent(curve), last: exponent(curve.slice(-2)) };
  };
  return { factor, cpu: of((p) => p.cpu), stepBytes: of((p) => p.stepBytes), launches: of((p) => p.launches) };
});
const both = ({ all, last }: { all: number; last: number }): string => `${all.toFixed(2)}; ${last.toFixed(2)}`;
process.stdout.write(
  `Exponents b of y = a x^b, over all points; between the last two:\n\n${table(
    ['factor', 'CPU time', 'intermediates', 'launches'],
    exponents.map((e) => [e.factor, both(e.cpu), both(e.stepBytes), both(e.launches)]),
  )}\n`,
);
if (values.json !== undefined) {
  await writeFile(values.json, `${JSON.stringify({ date, adapter: device.name, base: BASE, points, exponents }, undefined, 2)}\n`);
}
device.destroy();
