/** @file `npm run reliability -- CAMPAIGN`: each breaks runs of the built command in one way, many times, and ends in one line. */
import { existsSync } from 'node:fs';
import os from 'node:os';
import { parseArgs } from 'node:util';
import { diskFull } from './disk-full.ts';
import { flips } from './flips.ts';
import { kills } from './kills.ts';
import { powerCuts } from './power-cuts.ts';
import { steady } from './steady.ts';
import { COMMAND } from './trial.ts';

const USAGE = `npm run build && npm run reliability -- CAMPAIGN [flags]
  kills       SIGKILL at random moments          --count N (default 1000) --seed N
  disk-full   no space from each operation on    --count N (default 200) --code ENOSPC|EDQUOT|EIO|EROFS
  power-cuts  the disk as it is at a moment      --count N (default 200) --seed N --planted none|no-flush|rename-first (root)
  flips       a byte of a file is another        --count N random ones (default 10000) --seed N
  steady      a captured training step, again and again    --count N steps (default 10000) --devices cpu,webgpu
  --lanes N   processes at once (default: cores)
`;
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    count: { type: 'string' },
    seed: { type: 'string', default: '1' },
    planted: { type: 'string', default: 'none' },
    code: { type: 'string', default: 'ENOSPC' },
    devices: { type: 'string', default: 'cpu,webgpu' },
    lanes: { type: 'string', default: String(os.availableParallelism()) },
    help: { type: 'boolean', default: false },
  },
});
const [campaign] = positionals;
const count = (otherwise: number): number => Number(values.count ?? otherwise);
const common = {
  seed: Number(values.seed),
  lanes: Number(values.lanes),
  say: (line: string): void => void process.stdout.write(`${line}\n`),
};
const campaigns: Readonly<Record<string, () => Promise<{ readonly line: string; readonly failed: boolean }>>> = {
  kills: () => kills({ ...common, kills: count(1000) }),
  'disk-full': () => diskFull({ ...common, writes: count(200), code: values.code }),
  'power-cuts': () => {
    const planted = (['none', 'no-flush', 'rename-first'] as const).find((name) => name === values.planted) ?? 'none';
    return powerCuts({ ...common, cuts: count(200), planted });
  },
  flips: () => flips({ ...common, flips: count(10_000) }),
  steady: () => {
    const devices = (['cpu', 'webgpu'] as const).filter((kind) => values.devices.split(',').includes(kind));
    return steady({ ...common, devices, steps: count(10_000) });
  },
};
const chosen = campaigns[campaign ?? ''];
if (values.help || !chosen) {
  process.stdout.write(USAGE);
  process.exit(values.help ? 0 : 2);
}
if (!existsSync(COMMAND)) {
  process.stderr.write(`${COMMAND} is not there: npm run build\n`);
  process.exit(2);
}
const { line, failed } = await chosen();
process.stdout.write(`${line}\n`);
process.exitCode = failed ? 1 : 0;
