/** @file `reparam credit audit`: for a searched supernet, how far each edge's credit is from exact. */
import { auditSupernet, type AuditReport, type EdgeAudit } from '../../credit/audit.ts';
import { cpu } from '../../devices/cpu.ts';
import { batches, channelStatistics, type Dataset, type LabelledImages, uploadBatch } from '../../data/index.ts';
import { loadFolder, loadMnist } from '../../data/files.node.ts';
import type { Device } from '../../core/tensor.ts';
import { gumbelSoftmax } from '../../distributions/index.ts';
import { DataFileError } from '../../contract/errors.ts';
import type { StateDict } from '../../nn/module.ts';
import { heatMap } from '../../plot/index.ts';
import { foldIn, key } from '../../core/random.ts';
import { CELL_TYPES, type CellType } from '../../snas/space/genotype.ts';
import { Supernet } from '../../snas/space/network.ts';
import type { Tensor } from '../../core/tensor.ts';
import { RunFolder } from '../run-folder.ts';
import { loadWeights } from '../weights.ts';
import { markdownTable, show, textTable, writeResults } from './report.ts';
import type { CellWeights } from '../../snas/space/cell-weights.ts';

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
  const folder = new RunFolder(flags.run);
  const config = await folder.readConfig();
  const device = cpu();
  const { tensors } = await loadWeights(folder.file('weights.safetensors'));
  const supernet = new Supernet(device, key(0), config.search.network);
  supernet.loadStateDict(entriesUnder(tensors, 'supernet.'));
  const temperature = flags.temperature ?? config.search.temperature.end;
  const z = sampleZ(device, tensors, temperature, flags.seed);
  const data = await (config.data === 'mnist' ? loadMnist() : loadFolder(config.data));
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
    command: `npx reparam credit audit --run ${flags.run} --images ${flags.images} --temperature ${temperature} --points ${flags.points}${flags.secondOrder ? ' --second-order' : ''} --seed ${flags.seed}`,
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
