/** @file A picture of a network's choices and what an architecture takes of them, for any space: boxes in the order of the data, as SVG text. */
import { largestOf } from '../../contract/extremes.ts';
import { recordShapes } from '../../core/record-shapes.ts';
import { type GraphEdge, layeredLayout, type RoutedEdge } from '../../plot/layered-graph.ts';
import { round, svgDocument, text } from '../../plot/svg.ts';
import { type Architecture, optionIndices, NONE } from './architecture.ts';
import { underArchitecture, type PlaceTrace } from './pass.ts';
import type { SearchSpace } from './search-space.ts';

/** A place that stands in no option of another, with those that stand in its options, and the places and the input that it reads from. */
export interface PlacedNode {
  readonly choice: number;
  /** Numbers of nodes, -1 for the network's input. */
  readonly from: readonly number[];
  /** Choices in options of this one, with the way to them. */
  readonly within: readonly { readonly choice: number; readonly path: PlaceTrace['path'] }[];
}

export interface PlaceGraph {
  /** In order of evaluation. */
  readonly nodes: readonly PlacedNode[];
  /** Which of them, or the input (-1), the output is made of. */
  readonly output: readonly number[];
}

/** Which places read from which, for inputs of a shape [n, ...], seen in a recording that runs nothing. */
export function placeGraph(space: SearchSpace, inputs: readonly number[]): PlaceGraph {
  const { device, layout, network } = space;
  const trace: PlaceTrace[] = [];
  const recording = recordShapes(
    device,
    (x) => {
      const z = layout.matrices.map((_, m) => device.empty(layout.shape(m)));
      return underArchitecture(layout, z, () => network.forward(x), { trace });
    },
    [inputs],
  );
  const places = trace.toSorted((a, b) => a.place - b.place);
  const outer = places.filter(({ path }) => path.length === 0);
  const madeBy = new Map<number, number[]>();
  for (const { inputs: read, outputs } of recording.operations) {
    for (const { memory } of outputs) madeBy.set(memory, [...(madeBy.get(memory) ?? []), ...read.map((t) => t.memory)]);
  }
  const numberOf = new Map(outer.map(({ output }, i) => [recording.memoryOf(output), i]));
  const origins = new Map<number, 'input'>();
  for (const { inputs: read } of recording.operations)
    for (const t of read) if (t.origin === 'input') origins.set(t.memory, 'input');
  /** The places, or the input, that a piece of memory comes from. */
  const sources = (memory: number | undefined, self: number): number[] => {
    const found = new Set<number>();
    const seen = new Set<number>();
    const visit = (at: number | undefined): void => {
      if (at === undefined || seen.has(at)) return;
      seen.add(at);
      const place = numberOf.get(at);
      if (place !== undefined && place !== self) found.add(place);
      else if (origins.has(at)) found.add(-1);
      else for (const next of madeBy.get(at) ?? []) visit(next);
    };
    visit(memory);
    return [...found].sort((a, b) => a - b);
  };
  const nodes = outer.map((entry, i): PlacedNode => {
    const next = outer[i + 1]?.place ?? Infinity;
    const within = places
      .filter(({ place, path }) => path.length > 0 && place > entry.place && place < next)
      .map(({ choice, path }) => ({ choice, path }));
    return { choice: entry.choice, from: sources(recording.memoryOf(entry.input), i), within };
  });
  return { nodes, output: sources(recording.outputs[0]!.memory, -2) };
}

const FONT_SIZE = 13;
const HEIGHT = 40;
const MARGIN = 16;
const FILLS = { ends: '#b4eeb4', chosen: '#add8e6', open: '#eee8aa' } as const;

export interface DrawSpaceOptions {
  /** Default: the space's name. */
  readonly title?: string;
}

/**
 * The choices of a space and, with an architecture, the option that each takes, as an SVG document. A choice that takes `none` is greyed. Choices
 * in options of others are told in their box, those that are not reached are not.
 */
export function drawSpace(space: SearchSpace, architecture?: Architecture, options: DrawSpaceOptions = {}): string {
  const { layout, context, definition } = space;
  const graph = placeGraph(space, [1, ...context.item]);
  const taken = architecture && optionIndices(layout, architecture);
  const optionOf = (choice: number): string => {
    const { options: names } = layout.choices[choice]!;
    return taken ? names[taken[choice]!]! : `one of ${names.length}`;
  };
  const short = (name: string): string => {
    const plain = name.replace(/[\p{Cc}\p{Cs}\u2028\u2029]/gu, '?');
    return plain.length > 48 ? `${plain.slice(0, 45)}...` : plain;
  };
  const boxes = graph.nodes.map(({ choice, within }) => {
    const inner = within
      .filter(({ path }) => taken === undefined || path.every((step) => taken[step.choice] === step.option))
      .map(({ choice: c }) => `${layout.choices[c]!.name} ${optionOf(c)}`);
    const option = optionOf(choice);
    const lines = [layout.choices[choice]!.name, [option, ...new Set(inner)].join(', ')];
    return { lines: lines.map(short), fill: taken ? FILLS.chosen : FILLS.open, absent: option === NONE };
  });
  const input = { lines: ['input', `[${context.item.join(', ')}]`], fill: FILLS.ends, absent: false };
  const output = { lines: ['output', String(context.classes)], fill: FILLS.ends, absent: false };
  const all = [input, ...boxes, output];
  const edges = [
    ...graph.nodes.flatMap(({ from }, i) => from.map((f): GraphEdge => ({ from: f + 1, to: i + 1, label: '' }))),
    ...graph.output.map((f): GraphEdge => ({ from: f + 1, to: all.length - 1, label: '' })),
  ];
  const width = largestOf(all.flatMap(({ lines }) => lines.map((line) => line.length))) * FONT_SIZE * 0.58 + 16;
  const laid = layeredLayout(all.length, edges, {
    nodeWidth: width,
    nodeHeight: HEIGHT,
    labelHeight: 8,
    labelWidth: () => 8,
    gap: 10,
    bend: 22,
  });
  const body = [
    `<g font-family="system-ui, sans-serif" font-size="${FONT_SIZE}">`,
    ...laid.edges.map(arrow),
    ...laid.nodes.map(({ x, y }, i) => box(x + MARGIN, y + MARGIN, width, all[i]!)),
    '</g>',
  ];
  const told = boxes.map(({ lines }) => lines.join(': ')).join('; ');
  return svgDocument(
    {
      title: options.title ?? `${taken ? 'Architecture' : 'Choices'} of space ${definition.name}`,
      description: `From the input to the output: ${told}.`,
      width: Math.ceil(laid.width + 2 * MARGIN),
      height: Math.ceil(laid.height + 2 * MARGIN),
    },
    body,
  );
}

interface Box {
  readonly lines: readonly string[];
  readonly fill: string;
  readonly absent: boolean;
}

function box(x: number, y: number, width: number, { lines, fill, absent }: Box): string {
  const stroke = absent ? 'stroke="#8a8a8a" stroke-dasharray="4 3"' : 'stroke="#000"';
  const ink = absent ? 'fill="#666"' : '';
  return (
    `<rect x="${round(x - width / 2)}" y="${round(y - HEIGHT / 2)}" width="${round(width)}" height="${HEIGHT}" rx="4" ` +
    `fill="${absent ? '#f2f2f2' : fill}" ${stroke} stroke-width="1.2"/>` +
    text(x, y - 4, lines[0]!, 'middle', ink) +
    text(x, y + FONT_SIZE, lines[1]!, 'middle', `font-weight="600" ${ink}`)
  );
}

function arrow({ path }: RoutedEdge): string {
  const at = (x: number, y: number): string => `${round(x + MARGIN)} ${round(y + MARGIN)}`;
  let d = `M${at(path[0]!.x1, path[0]!.y)}`;
  for (let i = 1; i < path.length; i++) {
    const from = path[i - 1]!;
    const to = path[i]!;
    const end = i === path.length - 1 ? to.x0 - 7 : to.x0;
    const middle = (from.x1 + end) / 2;
    d += `C${at(middle, from.y)} ${at(middle, to.y)} ${at(end, to.y)}`;
    if (to.x1 > to.x0) d += `L${at(to.x1, to.y)}`;
  }
  const tip = path.at(-1)!;
  const head = `M${at(tip.x0, tip.y)}L${at(tip.x0 - 7, tip.y - 3.5)}L${at(tip.x0 - 7, tip.y + 3.5)}Z`;
  return `<path d="${d}" fill="none" stroke="#000" stroke-width="1.1"/><path d="${head}"/>`;
}
