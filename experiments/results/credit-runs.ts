/** @file What the kept results on searched runs, and of races that exchange the credit, say of section 3.1. */
import { above, judgeMean, near } from 'reparam/credit';
import type { Part } from '../figures/experiment.ts';

/** Rank correlation from which on a credit orders edges much as the exact one does: stated here, for the article names no figure. */
const REASONABLE = 0.5;
/** Regret that counts as none, where 1 is that of equal probabilities. */
const MARGIN = 0.02;

interface Audit {
  readonly draws: readonly { readonly places: { readonly rank: number } }[];
}

/** Of one searched supernet: draws of Z and batch. */
export function importance({ draws }: Audit): Part[] {
  const ranks = draws.map((d) => d.places.rank);
  return [
    {
      name: 'rank correlation with the exact credit, over draws of Z and batch',
      judgement: judgeMean(ranks, above(REASONABLE)),
      digits: 2,
    },
  ];
}

interface Along {
  readonly measured: readonly {
    readonly run: number;
    readonly step: number;
    readonly places: readonly { readonly rank: number }[];
  }[];
}

/** Of each kept step: the mean over draws, of each search. */
export function everyStep({ measured }: Along): Part[] {
  const steps = [...new Set(measured.map((m) => m.step))].sort((a, b) => a - b);
  return steps.map((step) => {
    const ranks = measured
      .filter((m) => m.step === step)
      .map(({ places }) => places.reduce((sum, { rank }) => sum + rank, 0) / places.length);
    return {
      name: `rank correlation after step ${step}, over searches`,
      judgement: judgeMean(ranks, above(REASONABLE)),
      digits: 2,
    };
  });
}

type Regrets = Readonly<Record<string, { readonly mean: readonly number[] }>>;
interface Swap {
  readonly spaces: { readonly steps: Regrets; readonly cost: Regrets };
}

/**
 * The credit explains the lead if the update leads, the credit in the place of the loss leads too, and it is as fast as the update. By steps, which
 * is kind to SNAS: its backward pass is not counted.
 */
export function explains({ spaces: { steps } }: Swap): Part[] {
  const less = (a: string, b: string): number[] => steps[a]!.mean.map((v, i) => v - steps[b]!.mean[i]!);
  return [
    {
      name: "regret of REINFORCE with a mean baseline less that of SNAS's update",
      judgement: judgeMean(less('loss - mean', 'pathwise'), above(0)),
      digits: 3,
    },
    { name: 'the same less that of score x R', judgement: judgeMean(less('loss - mean', 'R'), above(0)), digits: 3 },
    {
      name: "regret of score x R less that of SNAS's update",
      judgement: judgeMean(less('R', 'pathwise'), near(0, MARGIN)),
      digits: 3,
    },
  ];
}
