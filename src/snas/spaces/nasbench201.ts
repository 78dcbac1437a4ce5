/**
 * @file The space of NAS-Bench-201 (Dong and Yang, ICLR 2020): cells of four nodes and six edges with five operations each, all cells alike, in three
 * stages of a residual network.
 */
import { GenotypeError } from '../../contract/errors.ts';
import { checkInteger } from '../../contract/shape.ts';
import { quote } from '../../contract/quote.ts';
import type { Device, Tensor } from '../../core/tensor.ts';
import { add } from '../../core/ops.ts';
import { globalAvgPool2d } from '../../core/pool.ts';
import { foldIn, type Key } from '../../core/random.ts';
import { AvgPool2d, BatchNorm2d, Conv2d, Identity, Linear, ReLU, Sequential } from '../../nn/layers.ts';
import { Layer } from '../../nn/module.ts';
import type { Architecture } from '../space/architecture.ts';
import { type Choice, choice, none } from '../space/choice.ts';
import { sumOfPlaces } from '../space/pass.ts';
import type { NetworkContext, SpaceDefinition } from '../space/search-space.ts';

/** In the order of the benchmark. */
export const NASBENCH201_OPERATIONS = ['none', 'skip_connect', 'nor_conv_1x1', 'nor_conv_3x3', 'avg_pool_3x3'] as const;

/** The edges of a cell, in the order of its string: into node 1, 2, 3, from each node before it. */
const EDGES = [1, 2, 3].flatMap((to) => Array.from({ length: to }, (_, from) => ({ from, to })));

export interface Nasbench201Settings {
  /** Channels of the first stage; doubled by each of the two others. 16 in the benchmark. */
  readonly channels: number;
  /** Cells of each stage. 5 in the benchmark. */
  readonly cells: number;
}

function edgeName({ from, to }: { readonly from: number; readonly to: number }): string {
  return `edge/${from}->${to}`;
}

function reluConvBn(device: Device, key: Key, input: number, out: number, kernel: number, stride: number): Layer {
  return new Sequential(
    new ReLU(),
    new Conv2d(device, key, input, out, kernel, { stride, padding: (kernel - 1) / 2, bias: false }),
    new BatchNorm2d(device, out),
  );
}

class Cell extends Layer {
  readonly edges: readonly Choice[];

  constructor(device: Device, key: Key, channels: number) {
    super();
    this.edges = EDGES.map((edge, e) => {
      const k = foldIn(key, e);
      return choice(edgeName(edge), {
        none,
        skip_connect: new Identity(),
        nor_conv_1x1: reluConvBn(device, foldIn(k, 0), channels, channels, 1, 1),
        nor_conv_3x3: reluConvBn(device, foldIn(k, 1), channels, channels, 3, 1),
        avg_pool_3x3: new AvgPool2d(3, { stride: 1, padding: 1 }),
      });
    });
  }

  forward(x: Tensor): Tensor {
    const nodes = [x];
    for (let to = 1; to <= 3; to++) {
      nodes.push(sumOfPlaces(EDGES.flatMap((edge, e) => (edge.to === to ? [this.edges[e]!.forward(nodes[edge.from]!)] : []))));
    }
    return nodes[3]!;
  }
}

/** Halves the image and doubles the channels: two 3x3 convolutions beside a pool with a 1x1. */
class Reduction extends Layer {
  readonly conv_a: Layer;
  readonly conv_b: Layer;
  readonly downsample: Layer;

  constructor(device: Device, key: Key, input: number, out: number) {
    super();
    this.conv_a = reluConvBn(device, foldIn(key, 0), input, out, 3, 2);
    this.conv_b = reluConvBn(device, foldIn(key, 1), out, out, 3, 1);
    this.downsample = new Sequential(
      new AvgPool2d(2, { stride: 2 }),
      new Conv2d(device, foldIn(key, 2), input, out, 1, { bias: false }),
    );
  }

  forward(x: Tensor): Tensor {
    return add(this.conv_b.forward(this.conv_a.forward(x)), this.downsample.forward(x));
  }
}

class Network extends Layer {
  readonly stem: Layer;
  readonly cells: readonly Layer[];
  readonly lastact: Layer;
  readonly classifier: Linear;

  constructor({ device, key, channels: inChannels, classes }: NetworkContext, { channels, cells }: Nasbench201Settings) {
    super();
    this.stem = new Sequential(
      new Conv2d(device, foldIn(key, 0), inChannels, channels, 3, { padding: 1, bias: false }),
      new BatchNorm2d(device, channels),
    );
    const stages = [channels, 2 * channels, 4 * channels];
    let index = 1;
    this.cells = stages.flatMap((c, stage) => [
      ...(stage === 0 ? [] : [new Reduction(device, foldIn(key, index++), c / 2, c)]),
      ...Array.from({ length: cells }, () => new Cell(device, foldIn(key, index++), c)),
    ]);
    this.lastact = new Sequential(new BatchNorm2d(device, 4 * channels), new ReLU());
    this.classifier = new Linear(device, foldIn(key, index), 4 * channels, classes);
  }

  forward(x: Tensor): Tensor {
    const features = this.cells.reduce((h, cell) => cell.forward(h), this.stem.forward(x));
    return this.classifier.forward(globalAvgPool2d(this.lastact.forward(features)));
  }
}

/** '|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_3x3~1|skip_connect~2|' of an architecture. */
export function printNasbench201(architecture: Architecture): string {
  return [1, 2, 3]
    .map((to) => {
      const edges = EDGES.filter((edge) => edge.to === to);
      return `|${edges.map((edge) => `${architecture[edgeName(edge)] ?? 'none'}~${edge.from}`).join('|')}|`;
    })
    .join('+');
}

/** The architecture of such a string. GenotypeError with the place that is wrong. */
export function parseNasbench201(text: string): Architecture {
  const nodes = text.trim().split('+');
  const wrong = (why: string): GenotypeError =>
    new GenotypeError(
      `nasbench201: ${quote(text, 120)}: ${why}; it is like |nor_conv_3x3~0|+|none~0|skip_connect~1|+|...~0|...~1|...~2|`,
    );
  if (nodes.length !== 3) throw wrong(`${nodes.length} nodes joined by +, not 3`);
  const entries = nodes.flatMap((node, n) => {
    if (!/^\|.*\|$/.test(node)) throw wrong(`node ${n + 1} does not stand between two |`);
    const edges = node.slice(1, -1).split('|');
    if (edges.length !== n + 1) throw wrong(`node ${n + 1} has ${edges.length} edges, not ${n + 1}`);
    return edges.map((edge, from): [string, string] => {
      const [operation = '', source, ...more] = edge.split('~');
      if (!NASBENCH201_OPERATIONS.some((name) => name === operation)) {
        throw wrong(`${quote(operation)} of node ${n + 1} is none of ${NASBENCH201_OPERATIONS.join(', ')}`);
      }
      if (source !== String(from) || more.length > 0) throw wrong(`edge ${from + 1} of node ${n + 1} must end in ~${from}`);
      return [edgeName({ from, to: n + 1 }), operation];
    });
  });
  return Object.fromEntries(entries);
}

/** The space at some size. The benchmark's own is 16 channels and 5 cells a stage. OptionError for sizes that are no positive integers. */
export function nasbench201(settings: Nasbench201Settings): SpaceDefinition {
  for (const [name, value] of Object.entries(settings)) checkInteger('nasbench201', name, value as number, 1, 4096);
  return {
    name: 'nasbench201',
    settings: { ...settings },
    network: (context) => new Network(context, settings),
    literal: { print: printNasbench201, parse: parseNasbench201 },
  };
}
