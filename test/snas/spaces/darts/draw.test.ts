/** @file Pictures of cells: nothing overlaps, everything is labelled, what vanished is shown as such. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { drawCell, drawEvolution } from '../../../../src/snas/spaces/darts/draw.ts';
import { edgesOf, genotypeFromChoices, OPERATIONS } from '../../../../src/snas/spaces/darts/genotype.ts';
import { type GraphEdge, type LayoutSizes, layeredLayout } from '../../../../src/plot/layered-graph.ts';
import { genotype } from '../../../../src/snas/spaces/darts/published.ts';

const sizes: LayoutSizes = { nodeWidth: 50, nodeHeight: 30, labelHeight: 16, labelWidth: (l) => 7 * l.length, gap: 8, bend: 30 };

interface Box {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}
const overlap = (a: Box, b: Box): boolean => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;

/** Any cell of up to five nodes, as its drawing's graph: labelled edges, then unlabelled ones to the output. */
const graphs: fc.Arbitrary<{ count: number; edges: GraphEdge[] }> = fc.integer({ min: 1, max: 5 }).chain((n) =>
  fc.array(fc.constantFrom('', ...OPERATIONS), { minLength: edgesOf(n).length, maxLength: edgesOf(n).length }).map((labels) => {
    const inner = edgesOf(n).flatMap((e, i) => (labels[i] === '' ? [] : [{ ...e, label: labels[i]! }]));
    const outputs = Array.from({ length: n }, (_, i) => ({ from: i + 2, to: n + 2, label: '' }));
    return { count: n + 3, edges: [...inner, ...outputs] };
  }),
);

it('no box or label lies on another, and no line crosses a label, in any cell of up to five nodes', () => {
  fc.assert(
    fc.property(graphs, ({ count, edges }) => {
      const layout = layeredLayout(count, edges, sizes);
      const boxes = layout.nodes.map(({ x, y }): Box => ({ left: x - 25, right: x + 25, top: y - 15, bottom: y + 15 }));
      const labels = layout.edges
        .filter((e) => e.label !== '')
        .map((e): Box => {
          const half = sizes.labelWidth(e.label) / 2;
          return { left: e.labelX - half, right: e.labelX + half, top: e.labelY - 16, bottom: e.labelY };
        });
      const all = [...boxes, ...labels];
      for (const [i, a] of all.entries()) for (const b of all.slice(i + 1)) expect(overlap(a, b)).toBe(false);
      // The straight stretches of every line, as boxes without height, against the inside of every label and box.
      const lines = layout.edges.flatMap((e) => e.path.map((s): Box => ({ left: s.x0, right: s.x1, top: s.y, bottom: s.y })));
      const inside = (b: Box): Box => ({ left: b.left, right: b.right, top: b.top + 0.5, bottom: b.bottom - 0.5 });
      expect(lines.filter((line) => line.right > line.left && all.some((b) => overlap(line, inside(b))))).toEqual([]);
    }),
    { seed: 3, numRuns: 300 },
  );
});

it('every line runs from its source to its target, left to right', () => {
  fc.assert(
    fc.property(graphs, ({ count, edges }) => {
      const layout = layeredLayout(count, edges, sizes);
      for (const { from, to, path } of layout.edges) {
        expect(path[0]!.x0).toBe(layout.nodes[from]!.x + 25);
        expect(path[0]!.y).toBe(layout.nodes[from]!.y);
        expect(path.at(-1)!.x1).toBe(layout.nodes[to]!.x - 25);
        expect(path.at(-1)!.y).toBe(layout.nodes[to]!.y);
        for (const [i, s] of path.slice(1).entries()) expect(s.x0).toBeGreaterThanOrEqual(path[i]!.x1);
      }
    }),
    { seed: 4, numRuns: 50 },
  );
});

it('the cell of DARTS_V2 shows eight labelled edges, two inputs, four nodes and the output, and says so in words', () => {
  const svg = drawCell(genotype('DARTS_V2'), 'normal');
  const texts = [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map((m) => m[1]);
  expect(texts.filter((t) => t === 'sep_conv_3x3')).toHaveLength(5);
  expect(texts.filter((t) => t === 'skip_connect')).toHaveLength(2);
  expect(texts.filter((t) => t === 'dil_conv_3x3')).toHaveLength(1);
  expect(texts.slice(-7)).toEqual(['c_{k-2}', 'c_{k-1}', '0', '1', '2', '3', 'c_{k}']);
  expect(svg).toContain('<title id="title">Normal cell</title>');
  expect(svg).toMatch(/<desc id="desc">Active edges: c_{k-2} to 0 sep_conv_3x3, .*The output joins nodes 0, 1, 2, 3\.<\/desc>/);
});

it('what has vanished in the aggressive reduction cell is greyed and named: an input and nodes 2 and 3', () => {
  const svg = drawCell(genotype('SNAS_aggressive'), 'reduce');
  expect(svg.match(/stroke-dasharray/g)).toHaveLength(3);
  expect(svg).toContain('Not used: c_{k-1}, 2, 3.');
});

it('a cell of which every edge is none is drawn as such', () => {
  const none = edgesOf(4).map(() => 0);
  const svg = drawCell(genotypeFromChoices({ normal: none, reduce: none }, 4), 'normal');
  expect(svg).toContain('Every edge is none');
  expect(svg.match(/stroke-dasharray/g)).toHaveLength(6);
});

it('an evolution has one frame a genotype, each with its caption, and stands still for readers who asked for it', () => {
  const frames = (['DARTS_V1', 'SNAS_mild', 'SNAS_aggressive'] as const).map((name) => ({
    genotype: genotype(name),
    caption: name,
  }));
  const svg = drawEvolution(frames, 'reduce', { secondsPerFrame: 2 });
  expect(svg.match(/class="frame[ "]/g)).toHaveLength(3);
  expect(svg).toContain('6s steps(1) infinite');
  expect(svg).toContain('animation-delay:4s');
  expect(svg).toContain('prefers-reduced-motion');
  for (const { caption } of frames) expect(svg).toContain(`>${caption}</text>`);
});
