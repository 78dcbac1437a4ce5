/** @file The credits of the matrix: what each is called, whom it credits, and how it is computed on a game. */
import { scope } from 'reparam';
import { type CreditKind, creditCost, type GatedNetwork, groupsOf, networkCredits } from 'reparam/credit';

export interface MatrixCredit {
  readonly name: string;
  readonly kind: CreditKind;
  /** 'group': all places of a Z are credited as one. */
  readonly by: 'edge' | 'group';
}

export const matrixCredits: readonly MatrixCredit[] = [
  { name: 'taylor (R_ij)', kind: 'taylor', by: 'edge' },
  { name: 'taylor2', kind: 'taylor2', by: 'edge' },
  { name: 'integrated', kind: 'integrated', by: 'edge' },
  { name: 'joint path', kind: 'joint', by: 'edge' },
  { name: 'ablation', kind: 'ablation', by: 'edge' },
  { name: 'group ablation', kind: 'ablation', by: 'group' },
  { name: 'alone', kind: 'alone', by: 'edge' },
  { name: 'Shapley', kind: 'shapley', by: 'edge' },
  { name: 'Banzhaf', kind: 'banzhaf', by: 'edge' },
  { name: 'conditional mean (COMA)', kind: 'conditional', by: 'group' },
  { name: 'baseline', kind: 'baseline', by: 'group' },
];

/** Points of the integrated credits: exact for polynomials. */
const POINTS = 8;
/** Probabilities of the two options, where a credit asks for them. */
export const PROBABILITIES: readonly number[] = [0.4, 0.6];
/** b of the baseline. */
const BASELINE = 0.5;

/** Credits, [edges or groups][samples]. */
export async function creditsOf(credit: MatrixCredit, network: GatedNetwork): Promise<number[][]> {
  const players = credit.by === 'edge' ? network.edges.length : groupsOf(network).length;
  const found = scope(() =>
    networkCredits(network, credit.kind, {
      by: credit.by,
      points: POINTS,
      weights: () => PROBABILITIES,
      ...(credit.kind === 'baseline' && { baselines: Array.from({ length: players }, () => BASELINE) }),
    }),
  );
  const values = await found.data();
  found.dispose();
  const samples = values.length / players;
  return Array.from({ length: players }, (_, p) => Array.from(values.subarray(p * samples, (p + 1) * samples)));
}

/** Runs of the network that a credit of so many players is said to take. */
export function forwardPasses(credit: MatrixCredit, players: number): number {
  return creditCost(credit.kind, players, { points: POINTS, options: PROBABILITIES.length }).forward;
}

/** Passes as a formula: E edges or groups, m points, n options. */
export const COST: Readonly<Record<CreditKind, string>> = {
  taylor: '1 forward, 1 backward',
  taylor2: '1 forward, 1 + 2 E backward',
  integrated: 'm E forward, m E backward',
  joint: 'm forward, m backward',
  ablation: '1 + E forward',
  alone: '1 + E forward',
  shapley: '2^E forward',
  banzhaf: '2^E forward',
  conditional: '1 + n E forward',
  baseline: '1 forward',
};
