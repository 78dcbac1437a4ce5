/** @file `npm run fuzz`: a million damaged inputs for all readers, or any number for one. */
import { parseArgs } from 'node:util';
import { campaign } from './campaign.ts';
import { readers } from './readers.ts';

const USAGE = `npm run fuzz -- [flags]
  --inputs N      damaged inputs in all; default 1000000
  --seed N        default: the time
  --reader NAME   ${readers.map(({ name }) => name).join(', ')}; default: all, by their shares
  --path PATH     of a failure, to replay it
`;
const { values } = parseArgs({
  options: {
    inputs: { type: 'string', default: '1000000' },
    seed: { type: 'string' },
    reader: { type: 'string' },
    path: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
const chosen = readers.filter(({ name }) => values.reader === undefined || name === values.reader);
const inputs = Number(values.inputs);
const seed = values.seed === undefined ? Date.now() & 0x7fffffff : Number(values.seed);
if (values.help || chosen.length === 0 || !(inputs >= 1) || !Number.isInteger(seed)) {
  process.stdout.write(USAGE);
  process.exit(values.help ? 0 : 2);
}
/** Inputs between two looks at memory, and the most that fast-check is asked for at once. */
const CHUNK = 10_000;
const started = performance.now();
const shares = chosen.reduce((sum, { share }) => sum + share, 0);
let [total, uncaught, slow, memory] = [0, 0, 0, 0];
for (const reader of chosen) {
  const wanted = values.path === undefined ? Math.ceil((inputs * reader.share) / shares) : 1;
  const tally = { inputs: 0, refused: 0, slowest: 0 };
  for (let chunk = 0; tally.inputs < wanted; chunk++) {
    const size = Math.min(CHUNK, wanted - tally.inputs);
    const outcome = await campaign(reader, {
      seed: values.path === undefined ? (seed + chunk) & 0x7fffffff : seed,
      inputs: size,
      ...(values.path !== undefined && { path: values.path }),
    });
    tally.inputs += outcome.inputs;
    tally.refused += outcome.refused;
    tally.slowest = Math.max(tally.slowest, outcome.slowest);
    memory = Math.max(memory, process.memoryUsage.rss());
    if (outcome.failure !== undefined) {
      if (/: took \d+ ms/.test(outcome.failure)) slow++;
      else uncaught++;
      process.stdout.write(`${reader.name}: ${outcome.failure}\n`);
      break;
    }
  }
  total += tally.inputs;
  process.stdout.write(
    `${reader.name.padEnd(18)} ${String(tally.inputs).padStart(8)} inputs, ${String(tally.refused).padStart(8)} refused, ` +
      `slowest ${tally.slowest.toFixed(1)} ms\n`,
  );
}
const seconds = (performance.now() - started) / 1000;
process.stdout.write(
  `${total.toLocaleString('en-GB')} damaged inputs, seed ${seed}: ${uncaught} uncaught, ${slow} over 1 s, ` +
    `at most ${(memory / 2 ** 20).toFixed(0)} MiB, ${seconds.toFixed(0)} s\n`,
);
process.exitCode = uncaught + slow > 0 ? 1 : 0;
