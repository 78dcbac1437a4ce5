/** @file Pictures of cells in DARTS's familiar look, as SVG text: one cell, or its evolution as an animation. */
import { largestOf } from '../../../contract/extremes.ts';
import { round, svgDocument, text } from '../../../plot/svg.ts';
import { activeEdges, CELL_INPUTS, cellOf, type CellType, type Genotype, nodeCount } from './genotype.ts';
import { type GraphEdge, type Layout, layeredLayout, type RoutedEdge } from '../../../plot/layered-graph.ts';

const FONT_SIZE = 14;
const NODE_WIDTH = 60;
const NODE_HEIGHT = 34;
const MARGIN = 16;
const CAPTION = 30;

/** Graphviz's darkseagreen2, lightblue and palegoldenrod, which DARTS's pictures use. */
const FILLS = { input: '#b4eeb4', node: '#add8e6', output: '#eee8aa' } as const;

interface Drawing {
  readonly width: number;
  readonly height: number;
  readonly body: readonly string[];
  readonly description: string;
}

export interface DrawCellOptions {
  /** Default: "Normal cell" or "Reduction cell". */
  readonly title?: string;
}

/** One cell of a genotype as an SVG document. Nodes and inputs that carry nothing to the output are greyed, below the graph. */
export function drawCell(genotype: Genotype, type: CellType, options: DrawCellOptions = {}): string {
  const { width, height, body, description } = drawing(genotype, type);
  return svgDocument({ title: options.title ?? cellTitle(type), description, width, height }, body);
}

export interface EvolutionFrame {
  readonly genotype: Genotype;
  /** For example "epoch 12". */
  readonly caption: string;
}

export interface EvolutionOptions extends DrawCellOptions {
  /** Default 1. */
  readonly secondsPerFrame?: number;
}

/** How a cell changed during a search, as an animated SVG document. The last frame is what readers see who asked for reduced motion or whose program does not animate. */
export function drawEvolution(frames: readonly EvolutionFrame[], type: CellType, options: EvolutionOptions = {}): string {
  const { title = `${cellTitle(type)} during the search`, secondsPerFrame = 1 } = options;
  const drawings = frames.map(({ genotype }) => drawing(genotype, type));
  const width = largestOf(
    drawings.map((d) => d.width),
    240,
  );
  const height =
    largestOf(
      drawings.map((d) => d.height),
      0,
    ) + CAPTION;
  const count = frames.length;
  const style =
    `<style>.frame{opacity:0;animation:show ${count * secondsPerFrame}s steps(1) infinite}.last{opacity:1}` +
    `@keyframes show{0%{opacity:1}${round4(100 / Math.max(1, count))}%{opacity:0}}` +
    '@media (prefers-reduced-motion:reduce){.frame{animation:none}}</style>';
  const single = '<style>.frame{opacity:1}</style>';
  const groups = drawings.map(({ body, width: w, height: h }, i) => {
    const x = round((width - w) / 2);
    const y = round((height - CAPTION - h) / 2 + CAPTION);
    return (
      `<g class="frame${i === count - 1 ? ' last' : ''}" style="animation-delay:${i * secondsPerFrame}s">` +
      text(width / 2, 20, frames[i]!.caption, 'middle') +
      `<g transform="translate(${x} ${y})">${body.join('')}</g></g>`
    );
  });
  const changes = drawings.map(({ description }, i) => `${frames[i]!.caption}: ${description}`);
  return svgDocument({ title, description: changes.join(' '), width, height }, [count > 1 ? style : single, ...groups]);
}

function cellTitle(type: CellType): string {
  return type === 'normal' ? 'Normal cell' : 'Reduction cell';
}

function nodeName(node: number, output: number): string {
  if (node === output) return 'c_{k}';
  return node < CELL_INPUTS ? `c_{k-${CELL_INPUTS - node}}` : String(node - CELL_INPUTS);
}

function drawing(genotype: Genotype, type: CellType): Drawing {
  const active = activeEdges(genotype, type);
  const { concat } = cellOf(genotype, type);
  const output = nodeCount(genotype, type) + CELL_INPUTS;
  const fed = new Set(active.map((e) => e.to));
  const outputs = concat.filter((node) => fed.has(node)).map((node): GraphEdge => ({ from: node, to: output, label: '' }));
  const carrying = new Set([...active.flatMap((e) => [e.from, e.to]), output]);
  const present = Array.from({ length: output + 1 }, (_, i) => i).filter((i) => carrying.has(i));
  const absent = Array.from({ length: output }, (_, i) => i).filter((i) => !carrying.has(i));

  const graph = [...active.map((e): GraphEdge => ({ from: e.from, to: e.to, label: e.operation })), ...outputs];
  const layout = layeredLayout(
    present.length,
    graph.map((e) => ({ ...e, from: present.indexOf(e.from), to: present.indexOf(e.to) })),
    {
      nodeWidth: NODE_WIDTH,
      nodeHeight: NODE_HEIGHT,
      labelHeight: FONT_SIZE + 3,
      labelWidth: (label) => label.length * FONT_SIZE * 0.56,
      gap: 9,
      bend: 30,
    },
  );
  const absentWidth = absent.length * (NODE_WIDTH + 12) - 12;
  const graphHeight = layout.height + 2 * MARGIN;
  return {
    width: Math.ceil(Math.max(layout.width, absentWidth) + 2 * MARGIN),
    height: Math.ceil(graphHeight + (absent.length > 0 ? NODE_HEIGHT + MARGIN : 0)),
    body: [
      `<g font-family="'Times New Roman', Times, serif" font-size="${FONT_SIZE}">`,
      ...layout.edges.map((edge) => edgeSvg(edge)),
      ...boxes(layout, present, output),
      ...absent.map((node, i) => {
        const x = MARGIN + NODE_WIDTH / 2 + i * (NODE_WIDTH + 12);
        return boxSvg(x, graphHeight + NODE_HEIGHT / 2, nodeName(node, output), '#f2f2f2', true);
      }),
      '</g>',
    ],
    description: describe(active, absent, concat, output),
  };
}

function boxes(layout: Layout, present: readonly number[], output: number): string[] {
  return layout.nodes.map(({ x, y }, i) => {
    const node = present[i]!;
    const fill = node === output ? FILLS.output : node < CELL_INPUTS ? FILLS.input : FILLS.node;
    return boxSvg(x + MARGIN, y + MARGIN, nodeName(node, output), fill, false);
  });
}

function boxSvg(x: number, y: number, name: string, fill: string, absent: boolean): string {
  const stroke = absent ? 'stroke="#8a8a8a" stroke-width="1.2" stroke-dasharray="4 3"' : 'stroke="#000" stroke-width="1.6"';
  return (
    `<rect x="${round(x - NODE_WIDTH / 2)}" y="${round(y - NODE_HEIGHT / 2)}" width="${NODE_WIDTH}" height="${NODE_HEIGHT}" fill="${fill}" ${stroke}/>` +
    text(x, y + FONT_SIZE * 0.35, name, 'middle', absent ? 'fill="#666"' : '')
  );
}

/** The line bends between its straight stretches and ends in an arrowhead. */
function edgeSvg({ path, label, labelX, labelY }: RoutedEdge): string {
  const at = (x: number, y: number): string => `${round(x + MARGIN)} ${round(y + MARGIN)}`;
  const head = 8;
  let d = `M${at(path[0]!.x1, path[0]!.y)}`;
  for (let i = 1; i < path.length; i++) {
    const from = path[i - 1]!;
    const to = path[i]!;
    const end = i === path.length - 1 ? to.x0 - head : to.x0;
    const middle = (from.x1 + end) / 2;
    d += `C${at(middle, from.y)} ${at(middle, to.y)} ${at(end, to.y)}`;
    if (to.x1 > to.x0) d += `L${at(to.x1, to.y)}`;
  }
  const tip = path.at(-1)!;
  const arrow = `M${at(tip.x0, tip.y)}L${at(tip.x0 - head, tip.y - 3.5)}L${at(tip.x0 - head, tip.y + 3.5)}Z`;
  const line = `<path d="${d}" fill="none" stroke="#000" stroke-width="1.1"/><path d="${arrow}"/>`;
  return label === '' ? line : line + text(labelX + MARGIN, labelY + MARGIN - 4, label, 'middle');
}

function describe(
  active: readonly { readonly from: number; readonly to: number; readonly operation: string }[],
  absent: readonly number[],
  concat: readonly number[],
  output: number,
): string {
  const name = (node: number): string => nodeName(node, output);
  if (active.length === 0) return 'Every edge is none: the cell puts out zeros.';
  const edges = active.map((e) => `${name(e.from)} to ${name(e.to)} ${e.operation}`).join(', ');
  const joined = concat.filter((node) => active.some((e) => e.to === node)).map(name);
  const gone = absent.length > 0 ? ` Not used: ${absent.map(name).join(', ')}.` : '';
  return `Active edges: ${edges}. The output joins ${joined.length === 1 ? 'node' : 'nodes'} ${joined.join(', ')}.${gone}`;
}

function round4(v: number): number {
  return Math.round(v * 1e4) / 1e4;
}

/** Both cells of a genotype, titled with its name: the two pictures of a run folder. */
export function drawGenotype(genotype: Genotype, name = ''): Readonly<Record<CellType, string>> {
  const title = (type: CellType): string => (name === '' ? cellTitle(type) : `${cellTitle(type)} of ${name}`);
  return {
    normal: drawCell(genotype, 'normal', { title: title('normal') }),
    reduce: drawCell(genotype, 'reduce', { title: title('reduce') }),
  };
}

/** The same by file name, untitled: normal.svg and reduction.svg. */
export function cellPictures(genotype: Genotype): Readonly<Record<string, string>> {
  return { 'normal.svg': drawCell(genotype, 'normal'), 'reduction.svg': drawCell(genotype, 'reduce') };
}
