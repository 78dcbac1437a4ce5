/** @file `npm run credit -- swap`: learning races in which nothing differs but the credit. */
import { cpu, foldIn, key } from 'reparam';
import { above, holm, type Judgement, judgeMean, near } from 'reparam/credit';
import { lineChart } from 'reparam/plot';
import { markdownTable, textTable } from 'reparam/command';
import { batchedSpaces, CHOICES, OPTIONS, type SpaceHead, spaceHeads } from '../../laboratory/swap/batched-spaces.ts';
import { race, type Raced } from '../../laboratory/swap/race.ts';
import { costOf, type Update, UPDATES } from '../../laboratory/swap/updates.ts';
import { show, writeResults } from '../report.ts';
import { quantile } from '../runs/quantiles.ts';
import { runSearches, type SearchFlags } from './searches.ts';

export interface SwapFlags extends SearchFlags {
  readonly spaces: number;
  readonly seeds: number;
  readonly steps: number;
  readonly lr: number;
  readonly seed: number;
  readonly out: string;
  readonly searches?: boolean;
}

/** Both ways to be fair: as many steps each, or as much cost each. */
const MODES = ['steps', 'cost'] as const;
type Mode = (typeof MODES)[number];
const POINTS = 20;
const CELLS = [1, 2] as const;

/** The races of one kind of space. */
interface Group {
  readonly head: SpaceHead;
  readonly cells: number;
  readonly races: Readonly<Record<Mode, readonly Raced[]>>;
}

/** What is compared, stated before the races were run: is the first's mean regret over the race lower than the second's? */
const COMPARISONS: readonly (readonly [Update, Update])[] = [
  ['R', 'loss - mean'],
  ['pathwise', 'loss - mean'],
  ['pathwise', 'R'],
  ['group ablation', 'loss - mean'],
  ['group ablation', 'R'],
  ['group ablation', 'place ablation'],
  ['COMA', 'loss - mean'],
  ['loss - mean', 'loss'],
];
/** Regret that counts as none in "as fast as", where 1 is the regret of equal probabilities. */
const MARGIN = 0.02;

export async function runSwap(flags: SwapFlags, say: (line: string) => void): Promise<void> {
  if (flags.searches === true) return runSearches(flags, say);
  const started = performance.now();
  const device = cpu();
  const kinds = spaceHeads.flatMap((head) => CELLS.map((cells) => ({ head, cells })));
  const each = Math.ceil(flags.spaces / kinds.length);
  const groups: Group[] = [];
  for (const [g, { head, cells }] of kinds.entries()) {
    const k = foldIn(key(flags.seed), g);
    const spaces = batchedSpaces(device, head, cells, each, foldIn(k, 0));
    const table = await spaces.enumerate();
    const settings = {
      seeds: flags.seeds,
      lambda: { start: 1, end: 0.1 },
      lr: flags.lr,
      betas: [0.5, 0.999],
      points: POINTS,
      key: foldIn(k, 1),
    } as const;
    const budget = flags.steps * costOf('pathwise', CHOICES, spaces.places.length, OPTIONS);
    const races: Record<Mode, Raced[]> = { steps: [], cost: [] };
    for (const update of UPDATES) {
      const equal = await race(device, spaces, table, update, { ...settings, steps: flags.steps });
      races.steps.push(equal);
      const steps = Math.max(1, Math.round(budget / costOf(update, CHOICES, spaces.places.length, OPTIONS)));
      races.cost.push(steps === flags.steps ? equal : await race(device, spaces, table, update, { ...settings, steps }));
    }
    groups.push({ head, cells, races });
    say(
      `${head} head, ${cells === 1 ? 'own Z' : 'two cells of one Z'}: ${each} spaces, ${((performance.now() - started) / 1000).toFixed(0)} s`,
    );
  }
  await report(flags, groups, each, (performance.now() - started) / 1000, say);
}

/** Mean over seeds of each space, of all groups or some. */
function bySpace(
  groups: readonly Group[],
  mode: Mode,
  update: Update,
  of: (raced: Raced, space: number, seed: number) => number,
): number[] {
  return groups.flatMap(({ races }) => {
    const raced = races[mode].find((r) => r.update === update)!;
    return raced.regret.map((seeds, s) => seeds.reduce((sum, _, r) => sum + of(raced, s, r), 0) / seeds.length);
  });
}

const area = (raced: Raced, s: number, r: number): number => {
  const curve = raced.regret[s]![r]!;
  // From equal probabilities, whose regret is 1.
  return curve.reduce((sum, v, i) => sum + (v + (curve[i - 1] ?? 1)) / 2, 0) / curve.length;
};
const short = (v: number): number => Number(v.toPrecision(5));
const last = (raced: Raced, s: number, r: number): number => raced.regret[s]![r]!.at(-1)!;

async function report(
  flags: SwapFlags,
  groups: readonly Group[],
  each: number,
  seconds: number,
  say: (line: string) => void,
): Promise<void> {
  const count = groups.length * each;
  const tables = MODES.map((mode) => [mode, tableOf(groups, mode)] as const);
  const split = CELLS.map(
    (cells) =>
      [
        cells,
        tableOf(
          groups.filter((g) => g.cells === cells),
          'cost',
        ),
      ] as const,
  );
  const judged = judge(groups);
  const head = `${count} random spaces (${spaceHeads.join(', ')} heads; one cell, or two that share their Z; ${CHOICES} choices of ${OPTIONS} options, 64 architectures), ${flags.seeds} seeds each`;
  for (const [mode, rows] of tables) say(`\n${titleOf(mode)}:\n${textTable(rows)}`);
  say(`\n${textTable(judged.rows)}\n${judged.sentence}`);
  await writeResults({
    out: flags.out,
    name: 'credit-swap',
    command: `npm run credit -- swap --spaces ${flags.spaces} --seeds ${flags.seeds} --steps ${flags.steps} --lr ${flags.lr} --seed ${flags.seed}`,
    seconds,
    data: {
      comparisons: judged.judgements,
      // Of each space, the mean over its seeds.
      spaces: Object.fromEntries(
        MODES.map((mode) => [
          mode,
          Object.fromEntries(
            UPDATES.map((update) => [
              update,
              { mean: bySpace(groups, mode, update, area).map(short), end: bySpace(groups, mode, update, last).map(short) },
            ]),
          ),
        ]),
      ),
    },
    markdown: [
      '# Only the credit is exchanged',
      `${head}. The same p(Z), the same noise, Adam at ${flags.lr} and temperature from 1 to 0.1 for all updates; weights are fixed. Regret is the expected loss of a child drawn from p, 0 for the best architecture and 1 under equal probabilities; "mean" is over the race. Quantiles are over spaces, each the mean of its seeds.`,
      ...tables.flatMap(([mode, rows]) => [`## ${titleOf(mode)}`, markdownTable(rows)]),
      ...split.flatMap(([cells, rows]) => [
        `### ${cells === 1 ? 'One cell' : 'Two cells that share their Z'}, as much cost each`,
        markdownTable(rows),
      ]),
      '## Comparisons',
      `Paired by space (n = ${count}), corrected by Holm over all ${judged.judgements.length}; the comparisons and the margin of ${MARGIN} for "as fast as" were fixed before the races were run.`,
      markdownTable(judged.rows),
      judged.sentence,
    ].join('\n\n'),
    pictures: Object.fromEntries(MODES.map((mode) => [`-${mode}`, picture(groups, mode, head)])),
  });
  say(`written to ${flags.out}/credit-swap.* in ${seconds.toFixed(0)} s`);
}

function titleOf(mode: Mode): string {
  return mode === 'steps' ? 'As many steps each' : 'As much cost each, in forward passes of operations';
}

function tableOf(groups: readonly Group[], mode: Mode): string[][] {
  const spread = (values: readonly number[]): string =>
    `${show(quantile(values, 0.5))} [${show(quantile(values, 0.25))}, ${show(quantile(values, 0.75))}]`;
  return [
    [
      'update',
      'steps',
      'mean regret: median [quartiles]',
      'regret at the end',
      '95 % on the best',
      'steps to it, median over all races',
    ],
    ...UPDATES.map((update) => {
      const races = groups.map(({ races: all }) => all[mode].find((r) => r.update === update)!);
      const steps = [...new Set(races.map((r) => r.steps))];
      const solved = races.flatMap((r) => r.solved.flat());
      const middle = solved.toSorted((a, b) => a - b)[Math.floor(solved.length / 2)]!;
      return [
        update,
        steps.join(', '),
        spread(bySpace(groups, mode, update, area)),
        spread(bySpace(groups, mode, update, last)),
        `${show((100 * solved.filter(Number.isFinite).length) / solved.length, 0)} %`,
        Number.isFinite(middle) ? String(middle) : `> ${Math.max(...steps)}`,
      ];
    }),
  ];
}

interface Judged {
  readonly judgements: readonly (Judgement & { readonly mode: Mode; readonly what: string })[];
  readonly rows: string[][];
  readonly sentence: string;
}

/** All comparisons of the page, corrected together. */
function judge(groups: readonly Group[]): Judged {
  const difference = (mode: Mode, a: Update, b: Update): number[] => {
    const [first, second] = [bySpace(groups, mode, a, area), bySpace(groups, mode, b, area)];
    return second.map((v, i) => v - first[i]!);
  };
  const single = MODES.flatMap((mode) => [
    ...COMPARISONS.map(([a, b]) => ({
      mode,
      what: `${a} learns faster than ${b}`,
      ...judgeMean(difference(mode, a, b), above(0)),
    })),
    // What the explanation is worth: whether the update that SNAS makes is as fast as what is said of it.
    { mode, what: 'R is as fast as pathwise', ...judgeMean(difference(mode, 'R', 'pathwise'), near(0, MARGIN)) },
  ]);
  const judgements = holm(single);
  const rows = [
    ['claim', 'fair by', 'difference in mean regret', '95 %', 'p (Holm)', 'verdict'],
    ...judgements.map((j) => [j.what, j.mode, show(j.estimate), `[${show(j.low)}, ${show(j.high)}]`, show(j.p), j.verdict]),
  ];
  const of = (what: string, mode: Mode): string => judgements.find((j) => j.what === what && j.mode === mode)!.verdict;
  const faster = of('R learns faster than loss - mean', 'cost');
  const same = of('R is as fast as pathwise', 'cost');
  const lead = of('pathwise learns faster than loss - mean', 'cost');
  const verdict =
    lead === 'held' && faster === 'held' && same === 'held'
      ? 'held'
      : [lead, faster, same].includes('refuted')
        ? 'refuted'
        : 'undecided';
  const sentence =
    `The article's sentence (3.1: this credit is why SNAS converges faster than reinforcement learning), at equal cost on these spaces: ${verdict}. ` +
    `It needs three things: SNAS's update learns faster than REINFORCE with a mean baseline (${lead}), R in the place of the loss does so too (${faster}), ` +
    `and R is as fast as SNAS's update (${same}).`;
  return { judgements, rows, sentence };
}

function picture(groups: readonly Group[], mode: Mode, head: string): string {
  return lineChart({
    title: `Regret while only the credit is exchanged: ${titleOf(mode).toLowerCase()}`,
    description: `Mean regret over ${head}, with Student's 95 % interval over spaces.`,
    xLabel: mode === 'steps' ? 'part of the steps' : 'part of the cost',
    yLabel: 'regret (1: equal probabilities)',
    yInclude: [0, 1],
    series: UPDATES.map((update) => ({
      name: update,
      points: Array.from({ length: POINTS + 1 }, (_, i) => {
        if (i === 0) return { x: 0, y: 1 };
        const values = bySpace(groups, mode, update, (raced, s, r) => raced.regret[s]![r]![i - 1]!);
        const { estimate, low, high } = judgeMean(values, above(0));
        return { x: i / POINTS, y: estimate, low, high };
      }),
    })),
  });
}
