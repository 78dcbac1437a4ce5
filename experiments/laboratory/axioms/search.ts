/** @file The games that fast-check draws, and the smallest one on which a credit violates an axiom. */
import fc from 'fast-check';
import type { Device } from 'reparam';
import type { Axiom } from './axioms.ts';
import type { MatrixCredit } from './credits.ts';
import type { Game } from './games.ts';

const small = fc.integer({ min: -2, max: 2 });

/** Games of one to three edges, shrunk to fewer edges and smaller integers. */
export function games(kind: 'own' | 'tied' | 'normed'): fc.Arbitrary<Game> {
  const edges = kind === 'own' ? fc.integer({ min: 1, max: 3 }) : fc.integer({ min: 2, max: 3 });
  return edges.chain((n) =>
    fc.record({
      outputs: fc.array(fc.tuple(small, small), { minLength: n, maxLength: n }),
      linear: fc.array(small, { minLength: n, maxLength: n }),
      square: fc.array(small, { minLength: n, maxLength: n }),
      pair: fc.array(small, { minLength: (n * (n - 1)) / 2, maxLength: (n * (n - 1)) / 2 }),
      skew: n > 1 ? small : fc.constant(0),
      triple: n === 3 ? small : fc.constant(0),
      kink: small,
      bias: small,
      ...(kind === 'tied' && { tied: fc.constant(true) }),
      ...(kind === 'normed' && { normed: fc.constant(true) }),
    }),
  );
}

/** A violation beyond this is one; below it is rounding. */
export const VIOLATED = 1e-3;

/** The games that an axiom is about. Of an integral they have no kink, for there its points give it to rounding. */
export function gamesOf(axiom: Axiom, credit: MatrixCredit): fc.Arbitrary<Game> {
  const kind = axiom.name === 'exact, tied' ? 'tied' : axiom.name === 'scale of the norm' ? 'normed' : 'own';
  const drawn = games(kind).filter(axiom.applies);
  return credit.kind === 'integrated' || credit.kind === 'joint' ? drawn.map((game) => ({ ...game, kink: 0 })) : drawn;
}

/** The game that fast-check shrinks to, or undefined where none of `runs` violates the axiom. */
export async function smallestCounterexample(
  device: Device,
  credit: MatrixCredit,
  axiom: Axiom,
  runs: number,
  seed: number,
): Promise<Game | undefined> {
  const details = await fc.check(
    fc.asyncProperty(gamesOf(axiom, credit), async (game) => !((await axiom.violation(device, credit, game)) > VIOLATED)),
    { seed, numRuns: runs },
  );
  return details.counterexample?.[0];
}
