/** @file What the kept instances say of the likelihood ratio's variance: its size, and its growth with the number of edges. */
import { above, judgeShare } from 'reparam/credit';
import type { Part } from '../figures/experiment.ts';

interface Instances {
  readonly heads: readonly {
    readonly baselines: readonly { readonly baselines: readonly { readonly name: string; readonly spread: number }[] }[];
  }[];
}

/** Of networks of 729 architectures: those in which one sample spreads by more than the gradient's length, with and without a mean baseline. */
export function largeVariance({ heads }: Instances): Part[] {
  const networks = heads.flatMap((h) => h.baselines.map((b) => b.baselines));
  return (['none', 'mean'] as const).map((name) => {
    const spreads = networks.map((baselines) => baselines.find((b) => b.name === name)!.spread);
    return {
      name: `networks in which one sample spreads by more than the gradient's length, ${name === 'none' ? 'no baseline' : 'mean baseline'}`,
      judgement: judgeShare(spreads.filter((s) => s > 1).length, spreads.length, above(0.5)),
      digits: 2,
    };
  });
}

interface Depths {
  readonly instances: readonly {
    readonly family: string;
    readonly depth: number;
    readonly seed: number;
    readonly reinforce: number;
  }[];
}

/** Of chains: those in which the spread over the gradient's length is greater at 27 edges than at 3. */
export function growsWithEdges({ instances }: Depths): Part[] {
  return [...new Set(instances.map((i) => i.family))].map((family) => {
    const at = (depth: number): readonly Depths['instances'][number][] =>
      instances.filter((i) => i.family === family && i.depth === depth);
    const short = at(3);
    const grown = at(27).filter((i) => i.reinforce > short.find((s) => s.seed === i.seed)!.reinforce);
    return {
      name: `${family} chains whose spread is greater at 27 edges than at 3`,
      judgement: judgeShare(grown.length, short.length, above(0.5)),
      digits: 2,
    };
  });
}
