/** @file The matrix of credits by axioms: a proof in each cell that holds, the smallest counterexample in each that does not. */
import type { CreditKind } from 'reparam/credit';
import { type AxiomName, axiomNames } from './axioms.ts';
import counterexamples from './counterexamples.json' with { type: 'json' };
import { matrixCredits, type MatrixCredit } from './credits.ts';
import type { Game } from './games.ts';

export interface Counterexample {
  readonly credit: string;
  readonly axiom: AxiomName;
  readonly game: Game;
}

/** As fast-check shrank them; `npm run credit -- axioms --search N` looks for them anew. */
export const recorded = counterexamples as unknown as readonly Counterexample[];

const symmetric = 'The definition names no edge: exchanging the two maps the network to itself, and so the credits.';
const scale =
  'The loss as a function of the gates is the same, and so is every quantity that is made of its values and derivatives.';
const quiet = 'The loss does not change with the gate of the edge: all derivatives in it and all marginals are 0.';
const marginal = 'It is a marginal v(S) - v(S + e), or a mean of marginals with weights that are not negative.';

type Proofs = Readonly<Partial<Record<CreditKind, string>>>;

/** Why an axiom holds, by kind. */
const proofs: Readonly<Record<AxiomName, Proofs>> = {
  exact: {
    integrated: "The integral of phi' is phi(1) - phi(0): it is the ablation credit.",
    ablation: 'L + R = L without the edge, which does not see its choice.',
    conditional: 'L + R = sum_k w_k L(e takes k), which does not see the choice of e.',
    baseline: 'L + R = b.',
  },
  'exact, tied': {
    ablation: 'By group: L + R = L without all places of the choice. By edge it does not hold.',
    conditional: 'By group: L + R = sum_k w_k L(all places take k).',
    baseline: 'By group: L + R = b.',
  },
  complete: {
    joint: 'The chain rule along the path: the sum is the integral of dL(s, ..., s)/ds.',
    shapley: 'Along each order of the edges the marginals telescope.',
  },
  'null edge': {
    taylor: quiet,
    taylor2: quiet,
    integrated: quiet,
    joint: quiet,
    ablation: quiet,
    alone: quiet,
    shapley: quiet,
    banzhaf: quiet,
    conditional: 'All options of the edge give the same loss.',
  },
  symmetric: {
    taylor: symmetric,
    taylor2: symmetric,
    integrated: symmetric,
    joint: symmetric,
    ablation: symmetric,
    alone: symmetric,
    shapley: symmetric,
    banzhaf: symmetric,
    conditional: symmetric,
    baseline: symmetric,
  },
  sign: { integrated: marginal, ablation: marginal, alone: marginal, shapley: marginal, banzhaf: marginal },
  'scale of the norm': {
    taylor: scale,
    taylor2: scale,
    integrated: scale,
    joint: scale,
    ablation: scale,
    alone: scale,
    shapley: scale,
    banzhaf: scale,
    conditional: scale,
    baseline: scale,
  },
};

export interface Cell {
  readonly credit: MatrixCredit;
  readonly axiom: AxiomName;
  readonly proof?: string;
  readonly counterexample?: Game;
}

/** Every cell: with a counterexample where there is one, else with a proof; one that has neither is empty, and a test fails. */
export function matrixCells(): Cell[] {
  return matrixCredits.flatMap((credit) =>
    axiomNames.map((axiom): Cell => {
      const found = recorded.find((c) => c.credit === credit.name && c.axiom === axiom);
      if (found) return { credit, axiom, counterexample: found.game };
      const proof = proofs[axiom][credit.kind];
      return proof === undefined ? { credit, axiom } : { credit, axiom, proof };
    }),
  );
}
