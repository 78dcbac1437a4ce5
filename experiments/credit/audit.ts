/** @file `npm run credit -- audit`: for a searched supernet, how far each edge's credit is from exact. */
import { type AuditReport, auditSpace, type PlaceAudit, type PlaceEdge, placeEdges } from 'reparam/credit';
import { assign, cpu, DataFileError, type Device, key } from 'reparam';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import * as v from 'valibot';
import { batches, channelStatistics, type Dataset, type LabelledImages, uploadBatch } from 'reparam/data';
import { loadData } from 'reparam/data/node';
import type { StateDict } from 'reparam/nn';
import { heatMap } from 'reparam/plot';
import { type ChoiceWeights, networkContext, SearchSpace, shippedSpace, Snas, SPACES } from 'reparam/snas';
import { markdownTable, readWeights, textTable } from 'reparam/command';
import { show, writeResults } from './report.ts';

export interface AuditFlags {
  readonly run: string;
  readonly cells?: readonly number[];
  readonly images: number;
  readonly temperature?: number;
  readonly points: number;
  readonly secondOrder?: boolean;
  readonly seed: number;
  readonly out?: string;
}

export async function runAudit(flags: AuditFlags, say: (line: string) => void): Promise<void> {
  const started = performance.now();
  const config = await readConfig(flags.run);
  const device = cpu();
  const weights = path.join(flags.run, 'weights.safetensors');
  const { tensors } = await readWeights(weights);
  const { name, settings, classes, item } = config.space;
  const shipped = shippedSpace(name);
  if (!shipped)
    throw new DataFileError(`${flags.run}: an audit is of a space that ships (${Object.keys(SPACES).join(', ')}), not of ${name}`);
  const space = new SearchSpace(shipped.make(settings), networkContext(device, key(0), { shape: item, classes }));
  space.network.loadStateDict(entriesUnder(tensors, 'supernet.'));
  const temperature = flags.temperature ?? config.search.temperature.end;
  const z = sampleZ(device, space, tensors, temperature, flags.seed);
  const data = await loadData(config.data);
  const batch = firstBatch(device, data.train, data.test, flags.images, flags.seed);
  const { cells } = flags;
  const report = await auditSpace(space, z, batch, {
    points: flags.points,
    secondOrder: flags.secondOrder ?? false,
    ...(cells && { places: (edge: PlaceEdge) => cells.some((cell) => edge.spot.startsWith(`cells.${cell}.`)) }),
  });
  const rows = table(report.places);
  say(`${flags.run}: loss ${report.loss.toFixed(4)} on ${flags.images} test images, one Z at temperature ${temperature}, float64`);
  say(textTable(rows));
  const choices = choiceRows(report);
  if (choices.length > 1) say(`\nChoices with several places, which share one Z:\n${textTable(choices)}`);
  const summary = summaryRows(report);
  say(`\nAgainst the exact (ablation) credits:\n${textTable(summary)}`);
  const node = conservationRows(report, placeEdges(space, batch.images.shape));
  say(
    `\nNodes: what enters equals what is held; what leaves, the cell's output included, equals it where operations have no biases and no batch norm:\n${textTable(node)}`,
  );
  await writeResults({
    out: flags.out ?? flags.run,
    name: 'credit-audit',
    command: `npm run credit -- audit --run ${flags.run} --images ${flags.images} --temperature ${temperature} --points ${flags.points}${flags.secondOrder ? ' --second-order' : ''} --seed ${flags.seed}`,
    seconds: (performance.now() - started) / 1000,
    data: {
      loss: report.loss,
      temperature,
      edges: report.places,
      choices: report.choices,
      gap: report.gap,
      rank: report.rank,
      nodes: report.conservation.nodes,
    },
    markdown: [
      '# Credits of a searched supernet against the exact ones',
      markdownTable(summary),
      markdownTable(rows),
      ...(choices.length > 1 ? ['Choices with several places, which share one Z:', markdownTable(choices)] : []),
      markdownTable(node),
    ].join('\n\n'),
    pictures: { '': picture(report.places) },
  });
  say(`\nwritten to ${flags.out ?? flags.run}/credit-audit.* in ${((performance.now() - started) / 1000).toFixed(0)} s`);
}

/** What the audit needs of a run's config.json. */
const configSchema = v.object({
  data: v.string(),
  space: v.object({
    name: v.string(),
    settings: v.record(v.string(), v.number()),
    classes: v.number(),
    item: v.array(v.number()),
  }),
  search: v.object({ temperature: v.object({ end: v.number() }) }),
});

async function readConfig(run: string): Promise<v.InferOutput<typeof configSchema>> {
  const file = path.join(run, 'config.json');
  if (!existsSync(file)) throw new DataFileError(`${run} holds no run: there is no config.json`);
  const value: unknown = JSON.parse(await readFile(file, 'utf8'));
  if (typeof value === 'object' && value !== null && !('space' in value)) {
    throw new DataFileError(
      `${file} names no search space: a run of format 1 or 2 is audited by the version of reparam that began it`,
    );
  }
  const parsed = v.safeParse(configSchema, value);
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  throw new DataFileError(`${file}: ${v.getDotPath(issue) ?? 'the file'}: ${issue.message}`);
}

function entriesUnder(state: StateDict, prefix: string): StateDict {
  return Object.fromEntries(
    Object.entries(state)
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, entry]) => [name.slice(prefix.length), entry]),
  );
}

/** Z of all choices, sampled from the run's log alpha. */
function sampleZ(device: Device, space: SearchSpace, state: StateDict, temperature: number, seed: number): ChoiceWeights {
  const snas = new Snas(device, key(0), space);
  for (const [name, tensor] of snas.stateDict()) {
    const entry = state[`architecture.${name}`];
    if (!entry) throw new DataFileError(`weights.safetensors holds no architecture.${name}: the run's strategy was not SNAS`);
    assign(tensor, device.tensor(entry.data, entry.shape));
  }
  return snas.propose(snas.inputs({ key: key(seed), temperature }));
}

function firstBatch(device: Device, train: Dataset, test: Dataset, count: number, seed: number): LabelledImages {
  const [batch] = batches(test, { batchSize: count, key: key(seed), standardise: channelStatistics(train) });
  if (!batch) throw new DataFileError('the test set is empty');
  return uploadBatch(device, batch, test);
}

function table(edges: readonly PlaceAudit[]): string[][] {
  const second = edges.some((e) => e.taylor2 !== undefined);
  return [
    ['edge', 'taylor R', ...(second ? ['taylor2'] : []), 'exact (ablation)', 'taylor - exact'],
    ...edges.map((e) => [
      title(e),
      show(e.taylor, 4),
      ...(second ? [show(e.taylor2 ?? NaN, 4)] : []),
      show(e.ablation, 4),
      show(e.taylor - e.ablation, 4),
    ]),
  ];
}

/** Choices with several places: what an exact credit of a tied Z cuts is all of them at once. */
function choiceRows({ choices }: AuditReport): string[][] {
  return [
    ['choice', 'places', 'taylor, summed', 'ablations, summed', 'exact: all places at once'],
    ...choices
      .filter(({ places }) => places.length > 1)
      .map((c) => [c.choice, String(c.places.length), show(c.taylor, 4), show(c.summed, 4), show(c.ablation, 4)]),
  ];
}

function summaryRows({ gap, rank }: AuditReport): string[][] {
  const kinds = (['taylor', 'taylor2', 'integrated'] as const).filter((k) => gap[k] !== undefined);
  return [['credit', 'relative gap', 'rank correlation'], ...kinds.map((k) => [k, show(gap[k]!), show(rank[k]!)])];
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

function picture(edges: readonly PlaceAudit[]): string {
  const taylor2 = edges.every((e) => e.taylor2 !== undefined);
  return heatMap({
    title: 'Credits of each edge: first order, second order, exact',
    description: `Credits of ${edges.length} edges. Where the columns of a row differ in colour, the first-order credit misleads.`,
    rows: edges.map(title),
    columns: ['taylor', ...(taylor2 ? ['taylor2'] : []), 'exact'],
    values: edges.map((e) => [e.taylor, ...(taylor2 ? [e.taylor2!] : []), e.ablation]),
    cellWidth: 70,
    cellHeight: 14,
  });
}
