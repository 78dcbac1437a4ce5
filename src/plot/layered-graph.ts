/**
 * @file Layered left-to-right layout of a small labelled graph, so that no label and no box lies on another or on a line.
 *
 * After Sugiyama et al. 1981: nodes stand in columns by longest path; between two columns of nodes is a column for labels; an edge
 * takes a place of its own in every column that it passes. The order in the columns is improved by barycentres, the places by least
 * squares under the distances that boxes and labels need.
 */
import { largestOf, smallestOf } from '../contract/extremes.ts';

export interface GraphEdge {
  readonly from: number;
  readonly to: number;
  readonly label: string;
}

export interface LayoutSizes {
  readonly nodeWidth: number;
  readonly nodeHeight: number;
  readonly labelHeight: number;
  readonly labelWidth: (label: string) => number;
  /** Room for an edge without a label, and between neighbours in a column. */
  readonly gap: number;
  /** Room beside a column in which edges bend. */
  readonly bend: number;
}

export interface RoutedEdge extends GraphEdge {
  /** Horizontal stretches, left to right: the edge bends between them and is straight on them. The first starts at the box, the last ends at one. */
  readonly path: readonly { readonly x0: number; readonly x1: number; readonly y: number }[];
  /** Centre of the label's stretch; the text stands on the line. */
  readonly labelX: number;
  readonly labelY: number;
}

export interface Layout {
  readonly width: number;
  readonly height: number;
  /** Centres of the boxes, in the order given. */
  readonly nodes: readonly { readonly x: number; readonly y: number }[];
  readonly edges: readonly RoutedEdge[];
}

/** A box or an edge's place in a column. */
interface Slot {
  readonly column: number;
  readonly height: number;
  readonly width: number;
  readonly left: Slot[];
  readonly right: Slot[];
  y: number;
}

/** Lays out nodes 0..count-1; edges go from a lower to a higher number. */
export function layeredLayout(count: number, edges: readonly GraphEdge[], sizes: LayoutSizes): Layout {
  const rank = Array.from({ length: count }, () => 0);
  for (const { from, to } of edges.toSorted((a, b) => a.to - b.to)) rank[to] = Math.max(rank[to]!, rank[from]! + 1);
  const slot = (column: number, height: number, width: number): Slot => ({ column, height, width, left: [], right: [], y: 0 });
  const boxes = rank.map((r) => slot(2 * r, sizes.nodeHeight, sizes.nodeWidth));
  const chains = edges.map(({ from, to, label }) => {
    const first = 2 * rank[from]! + 1;
    const last = 2 * rank[to]! - 1;
    const labelled = first + 2 * Math.floor((last - first) / 4);
    const chain = Array.from({ length: last - first + 1 }, (_, i) => {
      const hasLabel = first + i === labelled && label !== '';
      return slot(first + i, hasLabel ? sizes.labelHeight : 0, hasLabel ? sizes.labelWidth(label) : 0);
    });
    const all = [boxes[from]!, ...chain, boxes[to]!];
    for (let i = 1; i < all.length; i++) {
      all[i - 1]!.right.push(all[i]!);
      all[i]!.left.push(all[i - 1]!);
    }
    return { chain, labelled: chain[labelled - first]! };
  });

  const slots = [...boxes, ...chains.flatMap((c) => c.chain)];
  const columns = order(slots);
  place(columns, sizes.gap);

  const widths = columns.map((column) => largestOf(column.map((s) => s.width)));
  const starts: number[] = [];
  let x = 0;
  for (const width of widths) {
    starts.push(x);
    x += width + sizes.bend;
  }
  const top = smallestOf(slots.map((s) => s.y - s.height / 2));
  const bottom = largestOf(slots.map((s) => s.y + s.height / 2));
  const span = (s: Slot): readonly [number, number] => {
    const middle = starts[s.column]! + widths[s.column]! / 2;
    const half = s.width > 0 ? s.width / 2 : widths[s.column]! / 2;
    return [middle - half, middle + half];
  };
  // A label's line runs at the bottom of its slot, so that the text above it is inside.
  const lineY = (s: Slot): number => s.y - top + s.height / 2;
  const box = (i: number): { x: number; y: number } => ({ x: (span(boxes[i]!)[0] + span(boxes[i]!)[1]) / 2, y: boxes[i]!.y - top });
  return {
    width: x - sizes.bend,
    height: bottom - top,
    nodes: boxes.map((_, i) => box(i)),
    edges: edges.map((edge, i) => {
      const { chain, labelled } = chains[i]!;
      const from = { x0: box(edge.from).x + sizes.nodeWidth / 2, x1: box(edge.from).x + sizes.nodeWidth / 2, y: box(edge.from).y };
      const to = { x0: box(edge.to).x - sizes.nodeWidth / 2, x1: box(edge.to).x - sizes.nodeWidth / 2, y: box(edge.to).y };
      const path = [from, ...chain.map((s) => ({ x0: span(s)[0], x1: span(s)[1], y: lineY(s) })), to];
      const [l, r] = span(labelled);
      return { ...edge, path, labelX: (l + r) / 2, labelY: lineY(labelled) };
    }),
  };
}

/** Columns in the best order found by sweeps of barycentres: the one with the fewest crossings. */
function order(slots: readonly Slot[]): Slot[][] {
  const count = largestOf(slots.map((s) => s.column)) + 1;
  let columns = Array.from({ length: count }, (_, c) => slots.filter((s) => s.column === c));
  let best = columns;
  let fewest = crossings(columns);
  for (let sweep = 0; sweep < 24; sweep++) {
    const forward = sweep % 2 === 0;
    const next = columns.map((column) => [...column]);
    const positions = new Map(next.flatMap((column) => column.map((s, i) => [s, (i + 0.5) / column.length] as const)));
    for (let step = 1; step < count; step++) {
      const column = next[forward ? step : count - 1 - step]!;
      const centre = (s: Slot): number => {
        const near = forward ? s.left : s.right;
        return near.length > 0 ? near.reduce((sum, n) => sum + positions.get(n)!, 0) / near.length : positions.get(s)!;
      };
      column.sort((a, b) => centre(a) - centre(b) || positions.get(a)! - positions.get(b)!);
      for (const [i, s] of column.entries()) positions.set(s, (i + 0.5) / column.length);
    }
    columns = next;
    const found = crossings(columns);
    if (found < fewest) [best, fewest] = [columns, found];
  }
  return best;
}

function crossings(columns: readonly (readonly Slot[])[]): number {
  const at = new Map(columns.flatMap((column) => column.map((s, i) => [s, i] as const)));
  let total = 0;
  for (const column of columns) {
    const lines = column.flatMap((s) => s.right.map((r) => [at.get(s)!, at.get(r)!] as const));
    for (const [i, [a, b]] of lines.entries()) {
      for (const [c, d] of lines.slice(i + 1)) if ((a - c) * (b - d) < 0) total++;
    }
  }
  return total;
}

/** Heights in the columns: each slot near the mean of its neighbours, keeping order and distance. */
function place(columns: readonly (readonly Slot[])[], gap: number): void {
  const apart = (a: Slot, b: Slot): number => (a.height + b.height) / 2 + gap;
  for (const column of columns) {
    let y = 0;
    for (const [i, s] of column.entries()) s.y = i === 0 ? 0 : (y += apart(column[i - 1]!, s));
    for (const s of column) s.y -= y / 2;
  }
  for (let round = 0; round < 40; round++) {
    for (const column of round % 2 === 0 ? columns : columns.toReversed()) {
      const wanted = column.map((s) => {
        const near = [...s.left, ...s.right];
        return near.length > 0 ? near.reduce((sum, n) => sum + n.y, 0) / near.length : s.y;
      });
      const offsets = column.map(() => 0);
      for (let i = 1; i < column.length; i++) offsets[i] = offsets[i - 1]! + apart(column[i - 1]!, column[i]!);
      const fitted = increasing(wanted.map((w, i) => w - offsets[i]!));
      for (const [i, s] of column.entries()) s.y = fitted[i]! + offsets[i]!;
    }
  }
}

/** The non-decreasing sequence nearest to `values` in least squares (pool adjacent violators). */
function increasing(values: readonly number[]): number[] {
  const pools: { sum: number; count: number }[] = [];
  for (const v of values) {
    let pool = { sum: v, count: 1 };
    for (let last = pools.at(-1); last && last.sum / last.count > pool.sum / pool.count; last = pools.at(-1)) {
      pools.pop();
      pool = { sum: last.sum + pool.sum, count: last.count + pool.count };
    }
    pools.push(pool);
  }
  return pools.flatMap(({ sum, count }) => Array.from({ length: count }, () => sum / count));
}
