/** @file The audit of a supernet: for every edge, how far its first-order credit is from the exact one, and what conservation holds. */
import { lengthOf } from '../contract/extremes.ts';
import { nextTask } from '../core/event-loop.ts';
import { scope } from '../core/scope.ts';
import { withBatchStatistics } from '../snas/child/evaluation.ts';
import type { Supernet } from '../snas/space/network.ts';
import { alias } from '../core/ops.ts';
import { conservation, type ConservationReport } from './conservation.ts';
import { networkCredits } from './credits.ts';
import type { LabelledImages } from '../data/index.ts';
import { type SupernetEdge, supernetEdges, supernetNetwork } from './supernet.ts';
import type { CellWeights } from '../snas/space/cell-weights.ts';

export interface AuditOptions {
  /** Cells to audit; default all. */
  readonly cells?: readonly number[];
  /** Also the second-order credit: one Hessian-vector product an edge. Default true. */
  readonly secondOrder?: boolean;
  /** Points of the integrated credit; 0 (default) leaves it out. */
  readonly points?: number;
}

export interface EdgeAudit extends SupernetEdge {
  readonly taylor: number;
  readonly taylor2?: number;
  readonly integrated?: number;
  /** The exact credit: the loss without the edge minus the loss. */
  readonly ablation: number;
}

export interface AuditReport {
  readonly loss: number;
  readonly edges: readonly EdgeAudit[];
  /** |taylor - ablation| / |ablation| in norm over the edges, and likewise for the others. */
  readonly gap: { readonly taylor: number; readonly taylor2?: number; readonly integrated?: number };
  /** Spearman's rank correlation of each credit with the exact one: what matters where credits only order edges. */
  readonly rank: { readonly taylor: number; readonly taylor2?: number; readonly integrated?: number };
  readonly conservation: ConservationReport;
}

/** Audits a supernet under one Z a cell type on one batch; batch norms use the batch, and nothing is changed. */
export async function auditSupernet(
  supernet: Supernet,
  z: CellWeights,
  batch: LabelledImages,
  options: AuditOptions = {},
): Promise<AuditReport> {
  const { secondOrder = true, points = 0 } = options;
  return withBatchStatistics(supernet, async () => {
    const perCell = supernet.cells.map((cell) => alias(z[cell.shape.type]));
    const network = supernetNetwork(supernet, perCell, batch);
    const all = supernetEdges(supernet);
    const chosen = all.flatMap((edge, e) => (options.cells === undefined || options.cells.includes(edge.cell) ? [e] : []));
    const one = async (kind: 'taylor' | 'taylor2' | 'integrated' | 'ablation', edges: readonly number[]): Promise<number[]> => {
      const credit = scope(() => networkCredits(network, kind, { edges, points }));
      const values = Array.from(await credit.data());
      credit.dispose();
      await nextTask();
      return values;
    };
    const taylor = await one('taylor', chosen);
    // A cell at a time: it shares the runs of its edges, and all cells at once would hold the memory of all second-order graphs.
    const each = async (kind: 'taylor2' | 'integrated' | 'ablation'): Promise<number[]> => {
      const out: number[] = [];
      for (let cell = 0; cell < supernet.cells.length; cell++) {
        const edges = chosen.filter((e) => all[e]!.cell === cell);
        if (edges.length > 0) for (const found of await one(kind, edges)) out.push(found);
      }
      return out;
    };
    const ablation = await each('ablation');
    const taylor2 = secondOrder ? await each('taylor2') : undefined;
    const integrated = points > 0 ? await each('integrated') : undefined;
    const report = await conservation(network);
    for (const t of perCell) t.dispose();
    const edges = chosen.map((e, i): EdgeAudit => ({
      ...all[e]!,
      taylor: taylor[i]!,
      ...(taylor2 && { taylor2: taylor2[i]! }),
      ...(integrated && { integrated: integrated[i]! }),
      ablation: ablation[i]!,
    }));
    const measure = (f: (credit: readonly number[]) => number): AuditReport['gap'] => ({
      taylor: f(taylor),
      ...(taylor2 && { taylor2: f(taylor2) }),
      ...(integrated && { integrated: f(integrated) }),
    });
    const gap = measure((c) => lengthOf(c.map((v, i) => v - ablation[i]!)) / lengthOf(ablation));
    return { loss: report.loss, edges, gap, rank: measure((c) => spearman(c, ablation)), conservation: report };
  });
}

/** Spearman's rank correlation; ties share the mean of their ranks. */
export function spearman(a: readonly number[], b: readonly number[]): number {
  const ranks = (v: readonly number[]): number[] => v.map((x) => v.reduce((r, y) => r + (y < x ? 1 : y === x ? 0.5 : 0), 0));
  const [ra, rb] = [ranks(a), ranks(b)];
  const middle = a.length / 2;
  const product = (p: readonly number[], q: readonly number[]): number =>
    p.reduce((s, v, i) => s + (v - middle) * (q[i]! - middle), 0);
  return product(ra, rb) / Math.sqrt(product(ra, ra) * product(rb, rb));
}
