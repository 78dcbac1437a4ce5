/** @file `npm run credit -- audit`: for a searched supernet, how far each edge's credit is from exact. */
import { type AuditReport, auditSupernet, type EdgeAudit } from 'reparam/credit';
import { cpu, DataFileError, type Device, foldIn, key, type Tensor } from 'reparam';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import * as v from 'valibot';
import { batches, channelStatistics, type Dataset, type LabelledImages, uploadBatch } from 'reparam/data';
import { loadData } from 'reparam/data/node';
import { gumbelSoftmax } from 'reparam/distributions';
import type { StateDict } from 'reparam/nn';
import { heatMap } from 'reparam/plot';
import { CELL_TYPES, type CellType, type CellWeights, Supernet } from 'reparam/snas';
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
  const supernet = new Supernet(device, key(0), config.search.network);
  supernet.loadStateDict(entriesUnder(tensors, 'supernet.'));
  const temperature = flags.temperature ?? config.search.temperature.end;
  const z = sampleZ(device, tensors, temperature, flags.seed);
  const data = await loadData(config.data);
  const batch = firstBatch(device, data.train, data.test, flags.images, flags.seed);
  const report = await auditSupernet(supernet, z, batch, {
    points: flags.points,
    secondOrder: flags.secondOrder ?? false,
    ...(flags.cells && { cells: flags.cells }),
  });
  const rows = table(report.edges);
  say(`${flags.run}: loss ${report.loss.toFixed(4)} on ${flags.images} test images, one Z at temperature ${temperature}, float64`);
  say(textTable(rows));
  const summary = summaryRows(report);
  say(`\nAgainst the exact (ablation) credits:\n${textTable(summary)}`);
  const node = conservationRows(report);
  say(`\nNodes: what enters equals what is held; what leaves equals it only without biases and batch norm:\n${textTable(node)}`);
  await writeResults({
    out: flags.out ?? flags.run,
    name: 'credit-audit',
    command: `npm run credit -- audit --run ${flags.run} --images ${flags.images} --temperature ${temperature} --points ${flags.points}${flags.secondOrder ? ' --second-order' : ''} --seed ${flags.seed}`,
    seconds: (performance.now() - started) / 1000,
    data: {
      loss: report.loss,
      temperature,
      edges: report.edges,
      gap: report.gap,
      rank: report.rank,
      nodes: report.conservation.nodes,
    },
    markdown: [
      '# Credits of a searched supernet against the exact ones',
      markdownTable(summary),
      markdownTable(rows),
      markdownTable(node),
    ].join('\n\n'),
    pictures: { '': picture(report.edges) },
  });
  say(`\nwritten to ${flags.out ?? flags.run}/credit-audit.* in ${((performance.now() - started) / 1000).toFixed(0)} s`);
}

/** What the audit needs of a run's config.json. */
const configSchema = v.object({
  data: v.string(),
  search: v.object({
    network: v.object({
      channels: v.number(),
      cells: v.number(),
      nodes: v.number(),
      classes: v.number(),
      inChannels: v.number(),
      stemStride: v.picklist([1, 2]),
    }),
    temperature: v.object({ end: v.number() }),
  }),
});

async function readConfig(run: string): Promise<v.InferOutput<typeof configSchema>> {
  const file = path.join(run, 'config.json');
  if (!existsSync(file)) throw new DataFileError(`${run} holds no run: there is no config.json`);
  const parsed = v.safeParse(configSchema, JSON.parse(await readFile(file, 'utf8')));
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

/** Z of both cell types from the run's log alpha. */
function sampleZ(device: Device, state: StateDict, temperature: number, seed: number): CellWeights {
  const draw = (type: CellType): Tensor => {
    const entry = state[`architecture.log_alpha.${type}`];
    if (!entry)
      throw new DataFileError(`weights.safetensors holds no architecture.log_alpha.${type}: the run's strategy was not SNAS`);
    return gumbelSoftmax(device.tensor(entry.data, entry.shape), { temperature, key: foldIn(key(seed), CELL_TYPES.indexOf(type)) });
  };
  return { normal: draw('normal'), reduce: draw('reduce') };
}

function firstBatch(device: Device, train: Dataset, test: Dataset, count: number, seed: number): LabelledImages {
  const [batch] = batches(test, { batchSize: count, key: key(seed), standardise: channelStatistics(train) });
  if (!batch) throw new DataFileError('the test set is empty');
  return uploadBatch(device, batch, test);
}

function table(edges: readonly EdgeAudit[]): string[][] {
  const second = edges.some((e) => e.taylor2 !== undefined);
  return [
    ['edge', 'taylor R', ...(second ? ['taylor2'] : []), 'exact (ablation)', 'taylor - exact'],
    ...edges.map((e) => [
      e.name,
      show(e.taylor, 4),
      ...(second ? [show(e.taylor2 ?? NaN, 4)] : []),
      show(e.ablation, 4),
      show(e.taylor - e.ablation, 4),
    ]),
  ];
}

function summaryRows({ gap, rank }: AuditReport): string[][] {
  const kinds = (['taylor', 'taylor2', 'integrated'] as const).filter((k) => gap[k] !== undefined);
  return [['credit', 'relative gap', 'rank correlation'], ...kinds.map((k) => [k, show(gap[k]!), show(rank[k]!)])];
}

function conservationRows({ conservation }: AuditReport): string[][] {
  return [
    ['node (64 a cell)', 'enters', 'held', 'leaves'],
    ...conservation.nodes.map((n) => [
      String(n.node),
      show(n.inflow, 4),
      show(n.held, 4),
      n.outflow === undefined ? '-' : show(n.outflow, 4),
    ]),
  ];
}

function picture(edges: readonly EdgeAudit[]): string {
  const taylor2 = edges.every((e) => e.taylor2 !== undefined);
  return heatMap({
    title: 'Credits of each edge: first order, second order, exact',
    description: `Credits of ${edges.length} edges. Where the columns of a row differ in colour, the first-order credit misleads.`,
    rows: edges.map((e) => e.name),
    columns: ['taylor', ...(taylor2 ? ['taylor2'] : []), 'exact'],
    values: edges.map((e) => [e.taylor, ...(taylor2 ? [e.taylor2!] : []), e.ablation]),
    cellWidth: 70,
    cellHeight: 14,
  });
}
