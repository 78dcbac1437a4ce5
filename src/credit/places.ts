/** @file A search space under one Z on one batch as a gated network, so that every credit and conservation report applies to it. */
import { alias } from '../core/ops.ts';
import type { LabelledImages } from '../data/index.ts';
import { classification, type Task } from '../snas/child/task.ts';
import type { ChoiceWeights } from '../snas/space/layout.ts';
import { onShapes } from '../snas/space/on-shapes.ts';
import { underArchitecture, type PlaceTrace } from '../snas/space/pass.ts';
import type { SearchSpace } from '../snas/space/search-space.ts';
import type { Tensor } from '../core/tensor.ts';
import type { GatedEdge, GatedNetwork } from './gated.ts';

/** A place of a space as an edge: from the tensor that it reads to the one that its output is a term of. */
export interface PlaceEdge extends GatedEdge {
  /** Which of the forward pass's evaluations. */
  readonly place: number;
  /** Name of its choice. */
  readonly choice: string;
  /** The spot in the network that holds the choice. */
  readonly spot: string;
}

/**
 * All places for inputs of a shape [n, ...], in order of evaluation; nothing is run. Places of one choice share a group: they are tied. Two places
 * end in one node where the network adds their outputs by `sumOfPlaces`; a place that is alone is a node of its own.
 */
export function placeEdges(space: SearchSpace, inputs: readonly number[]): PlaceEdge[] {
  const trace: PlaceTrace[] = [];
  const { device, layout, network } = space;
  onShapes(device, () => {
    const z = layout.matrices.map((_, m) => device.empty(layout.shape(m)));
    const x = device.empty(inputs);
    underArchitecture(layout, z, () => network.forward(x), { trace });
  });
  const numbers = new Map<Tensor, number>();
  const number = (t: Tensor): number => {
    const known = numbers.get(t) ?? numbers.size;
    numbers.set(t, known);
    return known;
  };
  const places = space.places(inputs);
  return inOrder(trace).map(({ place, choice, input, node }) => ({
    name: `${layout.choices[choice]!.name} at ${places[place]!.name}`,
    from: number(input),
    to: number(node),
    group: choice,
    place,
    choice: layout.choices[choice]!.name,
    spot: places[place]!.spot,
  }));
}

/** By the order in which places began: one that stands in an option of another ends first. */
export function inOrder(trace: readonly PlaceTrace[]): PlaceTrace[] {
  return trace.toSorted((a, b) => a.place - b.place);
}

/** A gated network whose edges are the places of a space. */
export interface PlaceNetwork extends GatedNetwork {
  readonly edges: readonly PlaceEdge[];
}

/**
 * The network under Z, held fixed, on one batch: one sample, whose loss is the batch's mean.
 * Set batch norms to batch statistics, without tracking, around its use: `withBatchStatistics` of reparam/snas.
 */
export function placeNetwork(
  space: SearchSpace,
  z: ChoiceWeights,
  { images, labels }: LabelledImages,
  task: Task = classification,
): PlaceNetwork {
  const edges = placeEdges(space, images.shape);
  return {
    edges,
    run: (tap, rowTap) => {
      const trace: PlaceTrace[] = [];
      const outputs = space.forward(images, z, {
        trace,
        // The trace must hold what enters the node, so the tap is applied even where nothing is asked of it.
        tap: (place, output) => (tap ? tap(place, output) : alias(output)),
        rowTap,
      });
      const nodes = new Map(inOrder(trace).map(({ place, node }) => [edges[place]!.to, node] as const));
      return { losses: task.loss(outputs, labels), nodes };
    },
  };
}
