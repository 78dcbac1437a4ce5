/** @file Credits during a search: at chosen steps, for every place and option, with the cost's share, in both forms. */
import { grad } from '../core/autograd.ts';
import { OptionError } from '../contract/errors.ts';
import { enableGrad, noGrad } from '../core/grad-mode.ts';
import { dot, stack } from '../core/composites.ts';
import { alias, concat, mul, neg } from '../core/ops.ts';
import { heatMap } from '../plot/index.ts';
import type { Key } from '../core/random.ts';
import { scope } from '../core/scope.ts';
import { withBatchStatistics } from '../snas/child/evaluation.ts';
import { classification, type Task } from '../snas/child/task.ts';
import type { SpaceCost } from '../snas/cost/space-cost.ts';
import { type ChoiceWeights, hostRows } from '../snas/space/layout.ts';
import type { PlaceTrace } from '../snas/space/pass.ts';
import type { Place, SearchSpace } from '../snas/space/search-space.ts';
import type { Tensor } from '../core/tensor.ts';
import type { LabelledImages } from '../data/index.ts';
import { inOrder } from './places.ts';

/** One place at one step. */
export interface PlaceCreditRecord {
  /** The spot in the network that holds the choice, and its use where it has several. */
  readonly place: string;
  readonly choice: string;
  /** R = -c . O~ (of DARTS cells R_ij), of the loss alone. */
  readonly credit: number;
  /** -Z_k dL/dZ_k by option, in their order; they sum to the credit. */
  readonly options: readonly number[];
  /** -eta Z . C of the place, weighed by Z on the way to it; 0 without a cost. */
  readonly cost: number;
}

/** How the Z and the batch of a record came about: what makes them again. */
export interface CreditDraw {
  /** lambda of the step that had just been done, under which Z was drawn. */
  readonly temperature: number;
  /** Words of the key that Z was drawn by. */
  readonly key: Key;
  /** Positions of the batch's examples in the run's validation images, in order. */
  readonly batch: readonly number[];
}

/** All places after one step: a line of credits.jsonl. A line of an earlier version has neither `z` nor how it was drawn. */
export interface CreditRecord extends Partial<CreditDraw> {
  /** Steps done. */
  readonly step: number;
  readonly loss: number;
  /** Z by choice, in the order of the space's choices. */
  readonly z?: readonly (readonly number[])[];
  readonly places: readonly PlaceCreditRecord[];
  /** Largest difference between -c . O~ and -Z . dL/dZ, relative to the largest credit: rounding, or a bug. */
  readonly mismatch: number;
}

export interface RecordOptions {
  readonly step: number;
  /** How Z and the batch were drawn; kept in the record. */
  readonly draw?: CreditDraw;
  /** What options cost, and the weight of the cost. */
  readonly cost?: SpaceCost;
  readonly eta?: number;
  /** Default: cross-entropy. */
  readonly task?: Task;
}

/**
 * Credits of every place under Z, from one forward and one backward pass on a batch. Weights, running statistics and Z stay as they are.
 */
export async function recordCredits(
  space: SearchSpace,
  z: ChoiceWeights,
  batch: LabelledImages,
  options: RecordOptions,
): Promise<CreditRecord> {
  const { step, draw, cost, eta = 0, task = classification } = options;
  const places = space.places(batch.images.shape);
  return withBatchStatistics(space.network, async () => {
    const { loss, direct, gates } = enableGrad(() => scope(() => tracedCredits(space, z, batch, task)));
    const [lossValue, directValues, gateValues, rows] = await Promise.all([
      loss.item(),
      direct.data(),
      gates.data(),
      hostRows(space.layout, z),
    ]);
    for (const t of [loss, direct, gates]) t.dispose();
    let largest = 0;
    let difference = 0;
    let from = 0;
    const records = places.map((place, i): PlaceCreditRecord => {
      const { name, options: names } = space.layout.choices[place.choice]!;
      const byOption = Array.from(gateValues.subarray(from, (from += names.length)));
      const credit = directValues[i]!;
      largest = Math.max(largest, Math.abs(credit));
      difference = Math.max(difference, Math.abs(credit - byOption.reduce((a, b) => a + b, 0)));
      const share = cost && eta !== 0 ? -eta * placeCost(place, rows, cost.places[i]!) : 0;
      return { place: place.name, choice: name, credit, options: byOption, cost: share };
    });
    const mismatch = largest > 0 ? difference / largest : 0;
    return { step, loss: lossValue, ...draw, z: rows, places: records, mismatch };
  });
}

/** Z . C of a place, weighed by Z of the options that it stands in. */
function placeCost({ choice, path }: Place, rows: readonly (readonly number[])[], costs: readonly number[]): number {
  const own = rows[choice]!.reduce((sum, v, k) => sum + v * costs[k]!, 0);
  return path.reduce((product, step) => product * rows[step.choice]![step.option]!, own);
}

/** loss [], direct [places], gates [options of all places]. */
function tracedCredits(
  space: SearchSpace,
  z: ChoiceWeights,
  { images, labels }: LabelledImages,
  task: Task,
): { readonly loss: Tensor; readonly direct: Tensor; readonly gates: Tensor } {
  const trace: PlaceTrace[] = [];
  // A row of its own for each place, so that each of the tied ones has a gradient.
  const rows: Tensor[] = [];
  const rowTap = (place: number, row: Tensor): Tensor => (rows[place] = alias(row));
  const loss = task.loss(space.forward(images, z, { trace, rowTap }), labels);
  const places = inOrder(trace);
  const nodes = [...new Set(places.map((t) => t.node))];
  const gradients = grad(loss, [...rows, ...nodes], { unused: 'zeros' });
  const slopes = new Map(nodes.map((node, i) => [node, gradients[rows.length + i]!]));
  return noGrad(() => ({
    loss,
    direct: stack(places.map((t) => neg(dot(slopes.get(t.node)!, t.output)))),
    gates: concat(rows.map((row, i) => neg(mul(row, gradients[i]!)))),
  }));
}

/** Spots that belong together in a picture: those of one cell, one block, ... ; all of a network that has no such parts of three places or more. */
export function creditGroups(records: readonly CreditRecord[]): string[] {
  const places = records[0]?.places ?? [];
  const groups = [...new Set(places.map(({ place }) => groupOf(place)))];
  return places.length >= 3 * groups.length ? groups : [''];
}

/** The part of the network that holds a spot: 'cells.0' of 'cells.0.edges.3', '' of 'blocks.3'. */
function groupOf(place: string): string {
  return place.replace(/ \(\d+\)$/, '').replace(/(^|\.)[^.]+(\.\d+)?$/, '');
}

/**
 * Credits over time as a heat map, one row a place of one group (`creditGroups`), one column a recorded step. Each column is divided by its largest
 * absolute credit, so that it shows who is credited while the loss falls.
 */
export function creditHeatMap(records: readonly CreditRecord[], group = ''): string {
  const head = records[0];
  const mine = ({ place }: PlaceCreditRecord): boolean => group === '' || groupOf(place) === group;
  const rows = head?.places.filter(mine) ?? [];
  if (!head || rows.length === 0) throw new OptionError(`creditHeatMap: no records of ${group === '' ? 'any place' : group}`);
  const columns = records.map((record) => {
    const places = record.places.filter(mine);
    const largest = places.reduce((m, e) => Math.max(m, Math.abs(e.credit)), 0) || 1;
    return places.map((e) => e.credit / largest);
  });
  const of = group === '' ? '' : ` of ${group}`;
  const shared = new Set(rows.map(({ choice }) => choice)).size < rows.length;
  return heatMap({
    title: `Credits R${of}`,
    description:
      `Credit of each choice${of} at ${records.length} steps from ${head.step} to ${records.at(-1)!.step}, ` +
      'each step relative to its largest absolute credit. Orange: it lowers the loss to first order; blue: it raises it.',
    rows: rows.map(({ place, choice }) => (shared ? place : choice)),
    columns: records.map((r) => String(r.step)),
    values: rows.map((_, i) => columns.map((c) => c[i]!)),
    xLabel: 'step',
    yLabel: 'choice',
  });
}
