/** @file The audit of a search space: for every place, how far its first-order credit is from the exact one, and what conservation holds. */
import { lengthOf } from '../contract/extremes.ts';
import { nextTask } from '../core/event-loop.ts';
import { scope } from '../core/scope.ts';
import { withBatchStatistics } from '../snas/child/evaluation.ts';
import type { Task } from '../snas/child/task.ts';
import type { ChoiceWeights } from '../snas/space/layout.ts';
import type { SearchSpace } from '../snas/space/search-space.ts';
import { conservation, type ConservationReport } from './conservation.ts';
import { networkCredits } from './credits.ts';
import type { LabelledImages } from '../data/index.ts';
import { groupsOf } from './gated.ts';
import { type PlaceEdge, placeNetwork } from './places.ts';

export interface AuditOptions {
  /** Which places to audit; default all. */
  readonly places?: (edge: PlaceEdge) => boolean;
  /** Default: cross-entropy. */
  readonly task?: Task;
  /** Also the second-order credit: one Hessian-vector product a place. Default true. */
  readonly secondOrder?: boolean;
  /** Points of the integrated credit; 0 (default) leaves it out. */
  readonly points?: number;
}

export interface PlaceAudit extends PlaceEdge {
  readonly taylor: number;
  readonly taylor2?: number;
  readonly integrated?: number;
  /** The exact credit: the loss without the place minus the loss. */
  readonly ablation: number;
}

/** A choice: all its places at once. */
export interface ChoiceAudit {
  readonly choice: string;
  /** Its places, by `PlaceEdge.place`. */
  readonly places: readonly number[];
  /** The sum of the first-order credits of its places. */
  readonly taylor: number;
  /** The loss without all its places at once, minus the loss: where places share one Z, this is the credit that the policy gradient needs. */
  readonly ablation: number;
  /** The sum of the ablation credits of its places, each cut alone: of a chain of m linear cells, m times the above. */
  readonly summed: number;
}

export interface AuditReport {
  readonly loss: number;
  readonly places: readonly PlaceAudit[];
  /** Of the choices all of whose places are audited. */
  readonly choices: readonly ChoiceAudit[];
  /** |taylor - ablation| / |ablation| in norm over the places, and likewise for the others. */
  readonly gap: { readonly taylor: number; readonly taylor2?: number; readonly integrated?: number };
  /** Spearman's rank correlation of each credit with the exact one: what matters where credits only order places. */
  readonly rank: { readonly taylor: number; readonly taylor2?: number; readonly integrated?: number };
  readonly conservation: ConservationReport;
}

/** So many places share the runs of one computation: all at once would hold the memory of all second-order graphs. */
const AT_ONCE = 14;

/** Audits a space under Z on one batch; batch norms use the batch, and nothing is changed. */
export async function auditSpace(
  space: SearchSpace,
  z: ChoiceWeights,
  batch: LabelledImages,
  options: AuditOptions = {},
): Promise<AuditReport> {
  const { secondOrder = true, points = 0, places: wanted = () => true, task } = options;
  return withBatchStatistics(space.network, async () => {
    const network = placeNetwork(space, z, batch, task);
    const all = network.edges;
    const chosen = all.flatMap((edge, e) => (wanted(edge) ? [e] : []));
    const one = async (kind: 'taylor' | 'taylor2' | 'integrated' | 'ablation', edges: readonly number[]): Promise<number[]> => {
      const credit = scope(() => networkCredits(network, kind, { edges, points }));
      const values = Array.from(await credit.data());
      credit.dispose();
      await nextTask();
      return values;
    };
    const taylor = await one('taylor', chosen);
    const each = async (kind: 'taylor2' | 'integrated' | 'ablation'): Promise<number[]> => {
      const out: number[] = [];
      for (let from = 0; from < chosen.length; from += AT_ONCE) {
        for (const found of await one(kind, chosen.slice(from, from + AT_ONCE))) out.push(found);
      }
      return out;
    };
    const ablation = await each('ablation');
    const taylor2 = secondOrder ? await each('taylor2') : undefined;
    const integrated = points > 0 ? await each('integrated') : undefined;
    const asked = new Set(chosen);
    const groups = groupsOf(network).filter(({ edges }) => edges.every((e) => asked.has(e)));
    const together: number[] = [];
    for (let from = 0; from < groups.length; from += AT_ONCE) {
      const numbers = groups.slice(from, from + AT_ONCE).map(({ group }) => group);
      const credit = scope(() => networkCredits(network, 'ablation', { by: 'group', groups: numbers }));
      for (const found of await credit.data()) together.push(found);
      credit.dispose();
      await nextTask();
    }
    const report = await conservation(network);
    const sumOver = (values: readonly number[], edges: readonly number[]): number =>
      edges.reduce((s, e) => s + values[chosen.indexOf(e)]!, 0);
    const choices = groups.map(({ edges }, g): ChoiceAudit => ({
      choice: all[edges[0]!]!.choice,
      places: edges,
      taylor: sumOver(taylor, edges),
      ablation: together[g]!,
      summed: sumOver(ablation, edges),
    }));
    const places = chosen.map((e, i): PlaceAudit => ({
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
    return { loss: report.loss, places, choices, gap, rank: measure((c) => spearman(c, ablation)), conservation: report };
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
