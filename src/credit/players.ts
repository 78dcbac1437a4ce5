/** @file Who is credited: single edges, or all edges that share one Z at once. */
import { OptionError } from '../contract/errors.ts';
import { type EdgeGroup, type GatedNetwork, groupsOf } from './gated.ts';

export interface PlayerOptions {
  /** 'edge' (default): each edge by itself; 'group': all edges that share one Z as one, which is what an exact credit of tied Z needs. */
  readonly by?: 'edge' | 'group' | undefined;
  /** By edge: which, by index; default all. */
  readonly edges?: readonly number[];
  /** By group: which, by `GatedEdge.group`; default all, in the order of their first edges. */
  readonly groups?: readonly number[];
}

/** Edges that are scaled, cut and credited together, and the group whose Z they take. */
export type Player = EdgeGroup;

/** The players that are asked for. OptionError for an edge or a group that there is not. */
export function playersOf(network: GatedNetwork, { by = 'edge', edges, groups }: PlayerOptions): Player[] {
  if (by === 'edge') {
    if (groups) throw new OptionError("networkCredits: groups were named, but credits are by edge; say by: 'group'");
    return (edges ?? network.edges.map((_, e) => e)).map((e) => {
      const edge = network.edges[e];
      if (!edge) throw new OptionError(`networkCredits: edge ${e} is not one of the network's ${network.edges.length}`);
      return { group: edge.group ?? e, edges: [e] };
    });
  }
  if (edges)
    throw new OptionError("networkCredits: edges were named, but credits are by group; name groups, or leave by: 'group' out");
  const all = groupsOf(network);
  if (!groups) return all;
  return groups.map((group) => {
    const found = all.find((g) => g.group === group);
    if (!found)
      throw new OptionError(`networkCredits: group ${group} is not one of the network's ${all.map((g) => g.group).join(', ')}`);
    return found;
  });
}
