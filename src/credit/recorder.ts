/** @file Credits during a search: at chosen steps, for every cell, edge and operation, with the cost's share, in both forms. */
import { grad } from '../core/autograd.ts';
import { OptionError } from '../contract/errors.ts';
import { enableGrad, noGrad } from '../core/grad-mode.ts';
import { dot, stack } from '../core/composites.ts';
import { alias, mul, neg, slice } from '../core/ops.ts';
import { heatMap } from '../plot/index.ts';
import { scope } from '../core/scope.ts';
import type { EdgeTrace } from '../snas/space/cell.ts';
import { withBatchStatistics } from '../snas/child/evaluation.ts';
import { type CellType, OPERATIONS } from '../snas/space/genotype.ts';
import type { Supernet } from '../snas/space/network.ts';
import { crossEntropy } from '../core/cross-entropy.ts';
import type { Tensor } from '../core/tensor.ts';
import type { LabelledImages } from '../data/index.ts';
import type { CellWeights } from '../snas/space/cell-weights.ts';

/** One edge of one cell at one step. */
export interface EdgeCreditRecord {
  readonly cell: number;
  readonly type: CellType;
  /** Row of Z, and the nodes that the edge joins. */
  readonly edge: number;
  readonly from: number;
  readonly to: number;
  /** R_ij = -c . O~_ij, of the loss alone. */
  readonly credit: number;
  /** -Z_k dL/dZ_k by operation, in the order of OPERATIONS; they sum to the credit. */
  readonly operations: readonly number[];
  /** -eta Z . C, 0 without a cost. */
  readonly cost: number;
}

/** All edges at one step: a line of credits.jsonl. */
export interface CreditRecord {
  readonly step: number;
  readonly loss: number;
  readonly edges: readonly EdgeCreditRecord[];
  /** Largest difference between -c . O~ and -Z . dL/dZ, relative to the largest credit: rounding, or a bug. */
  readonly mismatch: number;
}

export interface RecordOptions {
  readonly step: number;
  /** Cost of each operation on each edge, [edges, 8] a cell type, and its weight. */
  readonly cost?: CellWeights;
  readonly eta?: number;
}

/**
 * Credits of every edge under Z (one a cell type), from one forward and one backward pass on a batch. Weights, running statistics and Z
 * stay as they are.
 */
export async function recordCredits(
  supernet: Supernet,
  z: CellWeights,
  batch: LabelledImages,
  options: RecordOptions,
): Promise<CreditRecord> {
  const { step, cost, eta = 0 } = options;
  return withBatchStatistics(supernet, async () => {
    const found = enableGrad(() => scope(() => tracedCredits(supernet, z, batch)));
    const { loss, direct, gates, traces } = found;
    const shares = cost && eta !== 0 ? scope(() => costShares(z, cost, eta, traces)) : undefined;
    const [lossValue, directValues, gateValues, costValues] = await Promise.all([
      loss.item(),
      direct.data(),
      gates.data(),
      shares?.data(),
    ]);
    for (const t of [loss, direct, gates, shares]) t?.dispose();
    const n = OPERATIONS.length;
    let largest = 0;
    let difference = 0;
    const edges = traces.map(({ cell, type, edge, from, to }, i): EdgeCreditRecord => {
      const operations = Array.from(gateValues.subarray(i * n, (i + 1) * n));
      const credit = directValues[i]!;
      largest = Math.max(largest, Math.abs(credit));
      difference = Math.max(difference, Math.abs(credit - operations.reduce((a, b) => a + b, 0)));
      return { cell, type, edge, from, to, credit, operations, cost: costValues?.[i] ?? 0 };
    });
    return { step, loss: lossValue, edges, mismatch: largest > 0 ? difference / largest : 0 };
  });
}

/** loss [], direct [edges], gates [edges, 8]; edges in the order of the traces. */
function tracedCredits(
  supernet: Supernet,
  z: CellWeights,
  { images, labels }: LabelledImages,
): { readonly loss: Tensor; readonly direct: Tensor; readonly gates: Tensor; readonly traces: readonly EdgePlace[] } {
  // One Z a cell, so that each of the tied cells has a gradient.
  const perCell = supernet.cells.map((cell) => alias(z[cell.shape.type]));
  const traces: EdgeTrace[] = [];
  const loss = crossEntropy(supernet.forward(images, perCell, { trace: traces }), labels);
  const nodes = [...new Set(traces.map((t) => t.node))];
  const gradients = grad(loss, [...perCell, ...nodes], { unused: 'zeros' });
  const slopes = new Map(nodes.map((node, i) => [node, gradients[perCell.length + i]!]));
  return noGrad(() => {
    const direct = stack(traces.map((t) => neg(dot(slopes.get(t.node)!, t.output))));
    const byCell = perCell.map((gates, c) => neg(mul(gates, gradients[c]!)));
    const gates = stack(traces.map((t) => slice(byCell[t.cell]!, [t.edge], [t.edge + 1])));
    return { loss, direct, gates, traces: traces.map(({ cell, type, edge, from, to }) => ({ cell, type, edge, from, to })) };
  });
}

type EdgePlace = Pick<EdgeTrace, 'cell' | 'type' | 'edge' | 'from' | 'to'>;

function costShares(z: CellWeights, cost: CellWeights, eta: number, traces: readonly EdgePlace[]): Tensor {
  return noGrad(() =>
    stack(
      traces.map(({ type, edge }) => {
        const row = (t: Tensor): Tensor => slice(t, [edge], [edge + 1]);
        return mul(dot(row(z[type]), row(cost[type])), -eta);
      }),
    ),
  );
}

/**
 * Credits over time as a heat map, one row an edge of one cell, one column a recorded step. Each column is divided by its largest
 * absolute credit, so that it shows who is credited while the loss falls.
 */
export function creditHeatMap(records: readonly CreditRecord[], cell: number): string {
  const head = records[0];
  const rows = head?.edges.filter((e) => e.cell === cell) ?? [];
  if (!head || rows.length === 0) throw new OptionError(`creditHeatMap: no records of cell ${cell}`);
  const type = rows[0]!.type;
  const columns = records.map((record) => {
    const edges = record.edges.filter((e) => e.cell === cell);
    const largest = edges.reduce((m, e) => Math.max(m, Math.abs(e.credit)), 0) || 1;
    return edges.map((e) => e.credit / largest);
  });
  return heatMap({
    title: `Credits R_ij of cell ${cell} (${type})`,
    description:
      `Credit of each edge of cell ${cell} at ${records.length} steps from ${head.step} to ${records.at(-1)!.step}, ` +
      'each step relative to its largest absolute credit. Orange: the edge lowers the loss to first order; blue: it raises it.',
    rows: rows.map((e) => `${e.from} to ${e.to}`),
    columns: records.map((r) => String(r.step)),
    values: rows.map((_, i) => columns.map((c) => c[i]!)),
    xLabel: 'step',
    yLabel: 'edge',
  });
}
