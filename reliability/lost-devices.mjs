/**
 * @file `npm run reliability:devices`: searches whose WebGPU device is lost at 40 points, each resumed by the command itself to the unbroken result.
 *
 * The built package runs with test/support/lose-device.mjs before it. Points: before, in and after capturing, while kernels compile, at submits,
 * read-backs and checkpoints. `--points N` takes the first N; `--lanes N` searches at once (default:
 * cores); `--keep` leaves the folders.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = fileURLToPath(new URL('../', import.meta.url));
const { values } = parseArgs({
  options: {
    points: { type: 'string', default: '40' },
    lanes: { type: 'string', default: String(os.availableParallelism()) },
    keep: { type: 'boolean', default: false },
    data: { type: 'string' },
  },
});

/** Method of the WebGPU API, and the fractions of its calls in the unbroken run at which the device is lost. */
const POINTS = [
  ['createBuffer', [0, 0.3, 0.6, 0.95]],
  ['submit', [0, 0.25, 0.5, 0.75, 0.97]],
  ['mapAsync', [0, 0.2, 0.5, 0.8, 0.97]],
  ['createComputePipelineAsync', [0, 0.5, 0.97]],
  ['createComputePipeline', [0, 0.5, 0.97]],
  ['createShaderModule', [0, 0.97]],
  ['getMappedRange', [0.1, 0.9]],
  ['writeBuffer', [0, 0.4, 0.9]],
  ['dispatchWorkgroups', [0, 0.5, 0.97]],
  ['createBindGroup', [0, 0.7]],
  ['popErrorScope', [0, 0.5, 0.97]],
  ['onSubmittedWorkDone', [0, 0.6]],
  ['copyBufferToBuffer', [0.3, 0.8]],
  ['unmap', [0.5]],
].flatMap(([method, fractions]) => fractions.map((fraction) => ({ method, fraction })));

const scratch = mkdtempSync(path.join(os.tmpdir(), 'reparam-lost-devices-'));

/** A search in a folder of this name; `log` is what lose-device.mjs says of it. */
async function search(name, lose) {
  const args = ['search', '--preset', 'smoke', '--device', 'webgpu', '--nodes', '1', '--cells', '1', '--channels', '2'];
  args.push('--train-images', '96', '--validation-images', '32', '--batch-size', '16', '--epochs', '2', '--seed', '5', '--quiet');
  if (values.data) args.push('--data', values.data);
  args.push('--checkpoint-minutes', '1e-9', '--out', path.join(scratch, name));
  const node = ['--import', path.join(root, 'test/support/lose-device.mjs'), path.join(root, 'dist/cli/main.js'), ...args];
  const log = path.join(scratch, `${name}.log`);
  const child = spawn(process.execPath, node, {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, LOSE_DEVICE: lose, LOSE_DEVICE_LOG: log },
    timeout: 600_000,
  });
  let stderr = '';
  child.stderr.on('data', (chunk) => (stderr += chunk));
  const [status] = await once(child, 'close');
  return { status, stderr, log: existsSync(log) ? readFileSync(log, 'utf8') : '' };
}

/** All that the seed decides. */
function decided(name) {
  const folder = path.join(scratch, name);
  const names = readdirSync(folder).filter((file) => !/^(checkpoint.*|files\.json|\..*)$/.test(file));
  return JSON.stringify(
    names.sort().map((file) => {
      const bytes = readFileSync(path.join(folder, file));
      const text = file === 'metrics.jsonl' ? bytes.toString().replaceAll(/,"times":\{[^}]*\}/g, '') : bytes;
      return [file, createHash('sha256').update(text).digest('hex')];
    }),
  );
}

/** Loses the device at one point of the run, and says whether it came to the unbroken result. */
async function lose({ method, fraction }, i) {
  const n = Math.max(1, Math.round(fraction * (calls[method] ?? 1)));
  const ended = await search(`point-${i}`, `${n} ${method}`);
  const lost = /^lost/m.test(ended.log);
  const same = ended.status === 0 && decided(`point-${i}`) === expected;
  const what = !lost
    ? 'NOT LOST'
    : same
      ? 'resumed, same result'
      : `FAILED (${ended.status}): ${ended.stderr.trim().split('\n').at(-1)}`;
  process.stdout.write(`${String(i + 1).padStart(2)}  call ${n} of ${calls[method]} of ${method}: ${what}\n`);
  if (!values.keep) rmSync(path.join(scratch, `point-${i}`), { recursive: true, force: true });
  return lost && same;
}

const started = performance.now();
const whole = await search('whole', '');
if (whole.status !== 0) throw new Error(`the unbroken run failed: ${whole.stderr}`);
const calls = JSON.parse(/^calls (.*)$/m.exec(whole.log)[1]);
const expected = decided('whole');
const queue = [...POINTS.slice(0, Number(values.points)).entries()];
const wanted = queue.length;
let resumed = 0;
const lane = async () => {
  for (let next = queue.shift(); next; next = queue.shift()) if (await lose(next[1], next[0])) resumed++;
};
await Promise.all(Array.from({ length: Number(values.lanes) }, lane));
const always = await search('always', 'always');
const lines = always.stderr.split('\n').filter((line) => line !== '' && !/note:|artificially reduced/.test(line));
const gaveUp = always.status === 1 && lines.length === 1 && /was lost 5 times/.test(lines[0]);
process.stdout.write(`lost again and again: ${gaveUp ? lines[0] : `WRONG (${always.status}): ${always.stderr}`}\n`);
if (!values.keep) rmSync(scratch, { recursive: true, force: true });
const seconds = ((performance.now() - started) / 1000).toFixed(0);
process.stdout.write(
  `${resumed} of ${wanted} device losses resumed with the unbroken result; ${gaveUp ? 1 : 0} of 1 given up in one line; ${seconds} s\n`,
);
process.exitCode = resumed === wanted && gaveUp ? 0 : 1;
