/** @file `npm run credit -- identity --run FOLDER`: the credit identity on a searched supernet and the run's own images. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { cpu, foldIn, key, permutation } from 'reparam';
import { disposeBatch } from 'reparam/data';
import { lineChart, type LineSeries } from 'reparam/plot';
import { hostRows, withBatchStatistics } from 'reparam/snas';
import { makeFolder, markdownTable, textTable, UsageError, writeFileWhole } from 'reparam/command';
import type { LoadedRun } from 'reparam/runs';
import { supernetSampler } from '../../laboratory/identity/supernet-samples.ts';
import { type Estimate, type IdentityReading, SupernetTerms } from '../../laboratory/identity/supernet-terms.ts';
import { show, writeResults } from '../report.ts';
import { loadAuditable } from './draws.ts';

export interface RunIdentityFlags {
  readonly run: string;
  readonly at?: readonly number[];
  /** Default: the temperature of each step. */
  readonly lambda?: readonly number[];
  readonly samples: number;
  readonly images: number;
  readonly seed: number;
  readonly out: string;
}

/** What was measured at one step and one temperature. */
interface Point {
  readonly step: number;
  readonly lambda: number;
  readonly samples: number;
  /** Choices with several places, those with one, and all: absent where there are none. */
  readonly groups: readonly { readonly name: string; readonly reading: IdentityReading }[];
  readonly choices: readonly { readonly name: string; readonly places: number; readonly reading: IdentityReading }[];
  readonly places: readonly { readonly name: string; readonly reading: IdentityReading }[];
  readonly groupTest: { readonly p: number; readonly choices: number };
}

/** So many choices are ablated in one sample; the next ones in the next. */
const ABLATED = 8;
const PUBLISHED = 'published form';
const GROUP = 'ablation of the choice';

export async function runSupernetIdentity(flags: RunIdentityFlags, say: (line: string) => void): Promise<void> {
  const started = performance.now();
  using run = await loadAuditable(flags.run, cpu({ dtype: 'float32' }));
  if (run.config.strategy !== 'snas')
    throw new UsageError(
      `credit identity: ${flags.run} was searched by ${run.config.strategy}, whose Z is not the relaxed one: take a run of snas`,
    );
  const steps = flags.at ?? [run.step];
  const file = path.join(flags.out, 'credit-identity-run.points.json');
  const known = await knownPoints(file);
  const points: Point[] = [];
  for (const step of steps) {
    await run.load(step);
    for (const lambda of flags.lambda ?? [run.temperature]) {
      const name = JSON.stringify([
        path.basename(path.resolve(flags.run)),
        run.config.search.seed,
        step,
        lambda,
        flags.samples,
        flags.images,
        flags.seed,
      ]);
      const point = known[name] ?? (await measure(run, lambda, flags));
      known[name] = point;
      points.push(point);
      // What is done is not done again after an interruption.
      await makeFolder(flags.out);
      await writeFileWhole(file, JSON.stringify(known));
      say(`step ${step}, temperature ${show(lambda)}: ${groupText(point)}`);
    }
  }
  const rows = groupRows(points);
  say(textTable(rows));
  say(verdictText(points));
  const seconds = (performance.now() - started) / 1000;
  const list = (numbers: readonly number[] | undefined, flag: string): string => (numbers ? ` --${flag} ${numbers.join(',')}` : '');
  const last = points.at(-1)!;
  await writeResults({
    out: flags.out,
    name: 'credit-identity-run',
    command: `npm run credit -- identity --run ${flags.run}${list(flags.at, 'at')}${list(flags.lambda, 'lambda')} --samples ${flags.samples} --images ${flags.images} --seed ${flags.seed}`,
    seconds,
    on: run.device.name,
    data: { space: run.config.space, search: run.config.search, points },
    markdown: [
      '# The credit identity on a searched supernet',
      `${flags.samples} samples a row: a fresh Z and ${flags.images} training images each, float32. Slope and cosine are to the pathwise gradient; the parts are of slope - 1; +- is one standard error (delete-one-block jackknife).`,
      markdownTable(rows),
      verdictText(points),
      ...points.map((p) => `Step ${p.step}, temperature ${show(p.lambda)}: ${groupText(p)}.`),
      `By choice, at step ${last.step} and temperature ${show(last.lambda)}:`,
      markdownTable(
        readingRows(
          'choice',
          last.choices.map((c) => ({ ...c, name: c.places > 1 ? `${c.name} (${c.places} places)` : c.name })),
        ),
      ),
      'By place: the gradient that the place would have with a Z of its own, at the same samples.',
      markdownTable(readingRows('place', last.places)),
    ].join('\n\n'),
    pictures: pictures(points, flags),
  });
  say(`written to ${flags.out}/credit-identity-run.* in ${seconds.toFixed(0)} s`);
}

async function knownPoints(file: string): Promise<Record<string, Point>> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Record<string, Point>;
  } catch {
    return {};
  }
}

async function measure(run: LoadedRun, lambda: number, { samples, images, seed }: RunIdentityFlags): Promise<Point> {
  const { space } = run;
  const { choices } = space.layout;
  const logits = await hostRows(space.layout, run.strategy.sampled!);
  return withBatchStatistics(space.network, async () => {
    const inputs = [images, ...run.config.space.item];
    const sampler = supernetSampler({ device: run.device, space, task: run.search.task, inputs });
    const terms = new SupernetTerms(
      sampler.choices,
      choices.map((c) => c.options.length),
    );
    const root = foldIn(key(seed), run.step);
    for (let i = 0; i < samples; i++) {
      const k = foldIn(root, i);
      const batch = run.batch('train', permutation(foldIn(k, 2), run.count('train')).subarray(0, images));
      terms.add(await sampler.sample(logits, lambda, k, batch, terms.toAblate(ABLATED)));
      disposeBatch(batch);
    }
    const all = choices.map((_, c) => c);
    const placesOf = (c: number): number => sampler.choices.filter((choice) => choice === c).length;
    const groups = [
      { name: 'tied choices', of: all.filter((c) => placesOf(c) > 1) },
      { name: 'single choices', of: all.filter((c) => placesOf(c) === 1) },
      { name: 'all choices', of: all },
    ];
    const spots = space.places(inputs);
    const point: Point = {
      step: run.step,
      lambda,
      samples,
      groups: groups.flatMap(({ name, of }) => (of.length > 0 ? [{ name, reading: terms.choices(of) }] : [])),
      choices: all.map((c) => ({ name: choices[c]!.name, places: placesOf(c), reading: terms.choices([c]) })),
      places: sampler.choices.map((c, p) => ({ name: `${choices[c]!.name} at ${spots[p]!.name}`, reading: terms.place(p) })),
      groupTest: terms.groupTest(),
    };
    sampler.dispose();
    return point;
  });
}

function groupText({ groupTest: { p, choices } }: Point): string {
  return `the ablation of all places of a choice against the gradient, ${choices} choices: smallest p ${show(p)} (Holm)`;
}

/** The verdict on the group ablation over all that was looked at. */
function verdictText(points: readonly Point[]): string {
  const p = Math.min(1, Math.min(...points.map((point) => point.groupTest.p)) * points.length);
  const refuted = p < 0.05 ? 'it is refuted' : 'it is not refuted';
  return `That score x (L - L without all places of a choice) has the mean of the gradient: smallest p ${show(p)} by Holm over all choices and rows; ${refuted}.`;
}

function text({ value, error }: Estimate): string {
  // A cosine to what is not told apart from 0 is no number.
  return Number.isFinite(value) && Number.isFinite(error) ? `${show(value, 2)} +- ${show(error, 2)}` : '-';
}

const COLUMNS = [
  'gradient',
  'slope',
  'cosine',
  'slope of group ablation',
  'place',
  'tied',
  'kinks',
  'rest',
  'wrong signs',
] as const;

function readingTexts(r: IdentityReading): string[] {
  const { value, error } = r.gradient;
  return [
    `${show(value, 4)} +- ${show(error, 4)}`,
    text(r.slope),
    text(r.cosine),
    r.groupSlope ? text(r.groupSlope) : '-',
    ...[r.place, r.tied, r.kinks, r.rest].map(text),
    `${r.wrongSigns} of ${r.resolved}`,
  ];
}

function groupRows(points: readonly Point[]): string[][] {
  return [
    ['step', 'temperature', 'of', ...COLUMNS],
    ...points.flatMap(({ step, lambda, groups }) =>
      groups.map(({ name, reading }) => [String(step), show(lambda), name, ...readingTexts(reading)]),
    ),
  ];
}

function readingRows(what: string, list: readonly { readonly name: string; readonly reading: IdentityReading }[]): string[][] {
  return [[what, ...COLUMNS], ...list.map(({ name, reading }) => [name, ...readingTexts(reading)])];
}

/** Slopes over training and over temperature, each where more than one was asked for. */
function pictures(points: readonly Point[], { run }: RunIdentityFlags): Record<string, string> {
  const last = points.at(-1)!;
  const middle = [...new Set(points.map((p) => p.lambda))].sort((a, b) => a - b);
  const lambda = middle[Math.floor(middle.length / 2)]!;
  const own = new Set(points.map((p) => p.step)).size === points.length;
  const views: [string, string, (p: Point) => number, readonly Point[]][] = [
    ['-training', 'step of the search', (p) => p.step, points.filter((p) => own || p.lambda === lambda)],
    ['-temperature', 'temperature', (p) => p.lambda, points.filter((p) => p.step === last.step)],
  ];
  const what = (suffix: string): string =>
    suffix === '-temperature'
      ? `after step ${last.step}, by temperature`
      : own
        ? 'along the search'
        : `along the search, at temperature ${show(lambda)}`;
  const charts = views
    .filter(([, , , of]) => of.length > 1)
    .map(([suffix, xLabel, x, of]): [string, string] => [
      suffix,
      chart(of, x, xLabel, `On the supernet of ${path.basename(path.resolve(run))} ${what(suffix)}, with 95 % bands: 1 is exact.`),
    ]);
  return Object.fromEntries(charts);
}

function chart(points: readonly Point[], x: (p: Point) => number, xLabel: string, description: string): string {
  const band = (at: number, { value, error }: Estimate): LineSeries['points'][number] => ({
    x: at,
    y: value,
    low: value - 1.96 * error,
    high: value + 1.96 * error,
  });
  const names = points[0]!.groups.map(({ name }) => name).filter((name) => name !== 'all choices');
  const series = names.flatMap((name) => {
    const of = points.map((p) => [x(p), p.groups.find((g) => g.name === name)!.reading] as const).toSorted((a, b) => a[0] - b[0]);
    return [
      { name: `${PUBLISHED}, ${name}`, points: of.map(([at, r]) => band(at, r.slope)) },
      { name: `${GROUP}, ${name}`, points: of.map(([at, r]) => band(at, r.groupSlope ?? r.slope)) },
    ];
  });
  const title = 'Slope of two policy gradients to the gradient that the search follows';
  return lineChart({
    title,
    description,
    xLabel,
    yLabel: 'slope',
    series,
    references: [{ y: 1, label: 'exact' }],
    yInclude: [0, 1],
  });
}
