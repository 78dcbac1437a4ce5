/** @file `npm run credit -- audit`: on a searched supernet, how far each place's first-order credit is from the exact one, over draws of Z and batch. */
import { cpu } from 'reparam';
import { type AuditReport, interval, type PlaceAudit, placeEdges, type PlaceEdge } from 'reparam/credit';
import { heatMap } from 'reparam/plot';
import { markdownTable, textTable } from 'reparam/command';
import { show, writeResults } from './report.ts';
import { type Agreement, agreement, auditDraws, type DrawAudit, loadAuditable, meanOf } from './runs/draws.ts';
import { LEVELS, medianText, quantile } from './runs/quantiles.ts';

export interface AuditFlags {
  readonly run: string;
  readonly at?: number;
  readonly cells?: readonly number[];
  readonly images: number;
  readonly draws: number;
  readonly temperature?: number;
  readonly points: number;
  readonly secondOrder?: boolean;
  readonly float64?: boolean;
  readonly seed: number;
  readonly out?: string;
}

export async function runAudit(flags: AuditFlags, say: (line: string) => void): Promise<void> {
  const started = performance.now();
  const { draws: count, images, cells } = flags;
  // The kernels of a run on the processor: its R to the bit.
  using run = await loadAuditable(flags.run, cpu({ dtype: flags.float64 === true ? 'float64' : 'float32' }));
  if (flags.at !== undefined) await run.load(flags.at);
  if (!run.config.standardise)
    say(`${flags.run}: config.json holds no statistics, so they are computed again from the run's own training images`);
  const temperature = flags.temperature ?? run.temperature;
  const draws = await auditDraws(run, {
    ...flags,
    temperature,
    secondOrder: flags.secondOrder ?? false,
    ...(cells && { places: (edge: PlaceEdge) => cells.some((cell) => edge.spot.startsWith(`cells.${cell}.`)) }),
  });
  const head = `step ${run.step} of ${flags.run}, Z at temperature ${show(temperature)}, ${count} draws of Z and of ${images} test images, ${run.device.name}`;
  say(head);
  const summary = summaryRows(draws);
  say(textTable(summary));
  const averaged = averagedText(draws);
  say(averaged);
  const rows = placeRows(draws);
  say(`\nMean over the draws with Student's 95 % interval:\n${textTable(rows)}`);
  const choices = choiceRows(draws);
  if (choices.length > 1) say(`\nChoices with several places, which share one Z:\n${textTable(choices)}`);
  const first = draws[0]!.report;
  const shape = [Math.min(images, run.count('test')), ...run.config.space.item];
  const nodes = conservationRows(first, placeEdges(run.space, shape));
  say(`\nNodes, under the first draw: what enters equals what is held.\n${textTable(nodes)}`);
  const seconds = (performance.now() - started) / 1000;
  await writeResults({
    out: flags.out ?? flags.run,
    name: 'credit-audit',
    command: `npm run credit -- audit --run ${flags.run} --draws ${count} --images ${images} --temperature ${show(temperature)} --points ${flags.points}${flags.secondOrder === true ? ' --second-order' : ''} --seed ${flags.seed}`,
    seconds,
    on: run.device.name,
    data: {
      step: run.step,
      temperature,
      images,
      statistics: run.statistics,
      draws: draws.map(({ report, places, choices: byChoice }) => ({ loss: report.loss, places, choices: byChoice })),
      edges: first.places.map((edge, i) => ({
        ...edge,
        taylor: draws.map((d) => d.report.places[i]!.taylor),
        ablation: draws.map((d) => d.report.places[i]!.ablation),
      })),
    },
    markdown: [
      '# Credits of a searched supernet against the exact ones',
      `${head}.`,
      markdownTable(summary),
      averaged,
      markdownTable(rows),
      ...(choices.length > 1 ? ['Choices with several places, which share one Z:', markdownTable(choices)] : []),
      'Nodes, under the first draw:',
      markdownTable(nodes),
    ].join('\n\n'),
    pictures: { '': picture(draws) },
  });
  say(`\nwritten to ${flags.out ?? flags.run}/credit-audit.* in ${seconds.toFixed(0)} s`);
}

const MEASURES = {
  gap: 'relative gap in norm',
  rank: 'rank correlation',
  wrongSigns: 'share with the wrong sign',
  topFive: 'overlap of the five best',
} as const satisfies Record<keyof Agreement, string>;

/** Quantiles of each measure over the draws. */
function summaryRows(draws: readonly DrawAudit[]): string[][] {
  const row = (name: string, values: readonly number[]): string[] => [
    name,
    ...LEVELS.map((level) => show(quantile(values, level))),
  ];
  const measures = Object.entries(MEASURES) as [keyof Agreement, string][];
  const by = (part: 'places' | 'choices', what: string): string[][] =>
    measures.map(([measure, name]) =>
      row(
        `${what}: ${name}`,
        draws.map((d) => d[part][measure]),
      ),
    );
  const other = (['taylor2', 'integrated'] as const).filter((k) => draws[0]!.report.gap[k] !== undefined);
  return [
    ['taylor against exact, over draws', ...LEVELS.map((level) => `${100 * level} %`)],
    ...by('places', 'place'),
    ...by('choices', 'choice, all its places at once'),
    ...other.flatMap((kind) => [
      row(
        `place, ${kind}: ${MEASURES.gap}`,
        draws.map((d) => d.report.gap[kind]!),
      ),
      row(
        `place, ${kind}: ${MEASURES.rank}`,
        draws.map((d) => d.report.rank[kind]!),
      ),
    ]),
  ];
}

/** What averaging the credits over the draws makes of the same measures. */
function averagedText(draws: readonly DrawAudit[]): string {
  const mean = (part: 'places' | 'choices', kind: 'taylor' | 'ablation'): number[] =>
    meanOf(draws.map(({ report }) => report[part].map((entry) => entry[kind])));
  const text = (part: 'places' | 'choices'): string => {
    const { gap, rank, wrongSigns } = agreement(mean(part, 'taylor'), mean(part, 'ablation'));
    return `gap ${show(gap, 2)}, rank correlation ${show(rank, 2)}, ${show(100 * wrongSigns, 0)} % with the wrong sign`;
  };
  return `Credits averaged over the draws, against the averaged exact ones: by place ${text('places')}; by choice ${text('choices')}.`;
}

function placeRows(draws: readonly DrawAudit[]): string[][] {
  const text = (values: readonly number[]): string => {
    const { mean, low, high } = interval(values);
    return `${show(mean, 4)} [${show(low, 4)}, ${show(high, 4)}]`;
  };
  return [
    ['edge', 'taylor R', 'exact (ablation)', 'taylor - exact'],
    ...draws[0]!.report.places.map((edge, i) => {
      const of = (f: (p: PlaceAudit) => number): string => text(draws.map(({ report }) => f(report.places[i]!)));
      return [title(edge), of((p) => p.taylor), of((p) => p.ablation), of((p) => p.taylor - p.ablation)];
    }),
  ];
}

function choiceRows(draws: readonly DrawAudit[]): string[][] {
  const of = (i: number, f: (c: AuditReport['choices'][number]) => number): string =>
    medianText(
      draws.map(({ report }) => f(report.choices[i]!)),
      4,
    );
  return [
    ['choice (medians and quartiles)', 'places', 'taylor, summed', 'ablations, summed', 'exact: all places at once'],
    ...draws[0]!.report.choices.flatMap(({ choice, places }, i) =>
      places.length > 1
        ? [[choice, String(places.length), of(i, (c) => c.taylor), of(i, (c) => c.summed), of(i, (c) => c.ablation)]]
        : [],
    ),
  ];
}

function conservationRows({ conservation }: AuditReport, edges: readonly PlaceEdge[]): string[][] {
  const names = new Map(edges.map((e) => [e.to, nodeTitle(e)]));
  return [
    ['node', 'enters', 'held', 'leaves', 'of it not through edges'],
    ...conservation.nodes.map((n) => [
      names.get(n.node) ?? String(n.node),
      show(n.inflow, 4),
      show(n.held, 4),
      show(n.outflow, 4),
      show(n.elsewhere, 4),
    ]),
  ];
}

/** Of an edge of a cell: which cell, and which edge of it. */
function cellEdge({
  spot,
  choice,
}: PlaceEdge): { readonly cell: string; readonly type: string; readonly from: string; readonly to: string } | undefined {
  const cell = /^cells\.(\d+)\.edges\./.exec(spot)?.[1];
  const [, type, from, to] = /^(\w+)\/(\d+)->(\d+)$/.exec(choice) ?? [];
  return cell !== undefined && type !== undefined && from !== undefined && to !== undefined ? { cell, type, from, to } : undefined;
}

/** 'cell 0 normal 0-2' of an edge of a DARTS cell; else the choice and its place. */
function title(edge: PlaceEdge): string {
  const found = cellEdge(edge);
  return found ? `cell ${found.cell} ${found.type} ${found.from}-${found.to}` : edge.name;
}

/** 'cell 0 node 2' of the node that it ends in. */
function nodeTitle(edge: PlaceEdge): string {
  const found = cellEdge(edge);
  return found ? `cell ${found.cell} node ${found.to}` : edge.spot;
}

function picture(draws: readonly DrawAudit[]): string {
  const { places } = draws[0]!.report;
  const mean = (kind: 'taylor' | 'ablation'): number[] => meanOf(draws.map(({ report }) => report.places.map((p) => p[kind])));
  const [taylor, exact] = [mean('taylor'), mean('ablation')];
  return heatMap({
    title: 'Credits of each edge: first order, exact (means over draws)',
    description: `Credits of ${places.length} edges, mean over ${draws.length} draws of Z and batch. Where the columns of a row differ in colour, the first-order credit misleads.`,
    rows: places.map(title),
    columns: ['taylor', 'exact'],
    values: places.map((_, i) => [taylor[i]!, exact[i]!]),
    cellWidth: 70,
    cellHeight: 14,
  });
}
