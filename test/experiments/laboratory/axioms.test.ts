/** @file The matrix of credits by axioms: no empty cell, proofs that hold as properties, counterexamples that replay; and the theorem behind it. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { axioms } from '../../../experiments/laboratory/axioms/axioms.ts';
import { creditsOf, forwardPasses, matrixCredits } from '../../../experiments/laboratory/axioms/credits.ts';
import { creditDistances } from '../../../experiments/laboratory/axioms/distance.ts';
import { architectures, type Game, gameLoss, gameNetwork } from '../../../experiments/laboratory/axioms/games.ts';
import { matrixCells } from '../../../experiments/laboratory/axioms/matrix.ts';
import { games, gamesOf, smallestCounterexample, VIOLATED } from '../../../experiments/laboratory/axioms/search.ts';
import { type GatedNetwork, groupsOf } from '../../../src/credit/index.ts';
import { cpu } from '../../../src/index.ts';

const device = cpu();
const cells = matrixCells();

it('eleven credits by seven axioms: each cell has a proof or a counterexample', () => {
  expect(cells).toHaveLength(77);
  expect(cells.filter(({ proof, counterexample }) => (proof === undefined) === (counterexample === undefined))).toEqual([]);
});

describe('proofs, as properties over 15 random games each, 1e-9', () => {
  for (const axiom of axioms) {
    it(axiom.name, async () => {
      for (const { credit } of cells.filter((cell) => cell.axiom === axiom.name && cell.proof !== undefined)) {
        await fc.assert(
          fc.asyncProperty(gamesOf(axiom, credit), async (game) => {
            expect([credit.name, (await axiom.violation(device, credit, game)) < 1e-9]).toEqual([credit.name, true]);
          }),
          { seed: 6, numRuns: 15 },
        );
      }
    });
  }
});

it('every counterexample violates its axiom when it is replayed, on a game that the axiom is about', async () => {
  for (const { credit, axiom: name, counterexample } of cells) {
    if (!counterexample) continue;
    const axiom = axioms.find((a) => a.name === name)!;
    expect(axiom.applies(counterexample)).toBe(true);
    const violation = await axiom.violation(device, credit, counterexample);
    expect([credit.name, name, violation > VIOLATED]).toEqual([credit.name, name, true]);
  }
});

it('fast-check finds again that R_ij is not exact, and shrinks it to two edges at most', async () => {
  const game = await smallestCounterexample(device, matrixCredits[0]!, axioms[0]!, 60, 3);
  expect(game!.outputs.length).toBeLessThanOrEqual(2);
});

it('a credit takes as many forward passes as it is said to', async () => {
  const game: Game = {
    outputs: [
      [1, 2],
      [2, 1],
      [1, 1],
    ],
    linear: [1, 1, 1],
    square: [0, 1, 0],
    pair: [1, 0, 0],
    skew: 0,
    triple: 1,
    kink: 0,
    bias: 0,
  };
  for (const credit of matrixCredits) {
    let runs = 0;
    const network = gameNetwork(device, game, architectures(game));
    const counted: GatedNetwork = {
      edges: network.edges,
      run: (tap, rowTap) => {
        runs++;
        return network.run(tap, rowTap);
      },
    };
    await creditsOf(credit, counted);
    const players = credit.by === 'edge' ? 3 : groupsOf(network).length;
    // The second-order credit asks for the number of samples first.
    expect([credit.name, runs]).toEqual([credit.name, forwardPasses(credit, players) + (credit.kind === 'taylor2' ? 1 : 0)]);
  }
});

/** Loss by architecture of a game, and the gradient of E[L] and E[score (-R)] in the logits of edge e, as differences of two options. */
const lossesOf = (game: Game): { all: number[][]; losses: number[] } => {
  const all = architectures(game);
  return {
    all,
    losses: all.map((d) =>
      gameLoss(
        game,
        d.map((k, e) => game.outputs[e]![k]!),
      ),
    ),
  };
};

/** E[(D_e1 - pi_e1) cost], at probabilities p of option 1. */
function policyGradient(all: readonly (readonly number[])[], cost: readonly number[], p: readonly number[], e: number): number {
  return all.reduce((sum, d, a) => {
    const weight = d.reduce((w, k, i) => w * (k === 1 ? p[i]! : 1 - p[i]!), 1);
    return sum + weight * (d[e]! - p[e]!) * cost[a]!;
  }, 0);
}

it('the theorem, both ways: a credit is exact at all logits if and only if L + R does not depend on the choice that it credits', () => {
  const three = games('own').filter((game) => game.outputs.length > 1);
  fc.assert(
    fc.property(
      three,
      fc.array(fc.double({ min: -2, max: 2, noNaN: true }), { minLength: 8, maxLength: 8 }),
      fc.array(fc.double({ min: 0.05, max: 0.95, noNaN: true }), { minLength: 3, maxLength: 3 }),
      fc.nat({ max: 7 }),
      (game, numbers, p, where) => {
        const { all, losses } = lossesOf(game);
        const e = game.outputs.length - 1;
        // If: R = b - L with any b of the other choices.
        const b = all.map((d) => numbers[d.slice(0, e).reduce((code, k, i) => code + (k << i), 0)]!);
        const exact = policyGradient(all, losses, p, e);
        const credited = policyGradient(
          all,
          all.map((_, a) => losses[a]! - b[a]!),
          p,
          e,
        );
        expect(Math.abs(credited - exact)).toBeLessThan(1e-12);
        // Only if: one architecture's credit changed by 1 is seen at every logits, for its weight is not 0.
        const spoiled = all.map((_, a) => losses[a]! - b[a]! + (a === where % all.length ? 1 : 0));
        expect(Math.abs(policyGradient(all, spoiled, p, e) - exact)).toBeGreaterThan(1e-6);
      },
    ),
    { seed: 2, numRuns: 60 },
  );
  // At one setting of the logits a credit can be right by chance: L + R that depends on the choice, with mean dependence 0 over the others.
  const game: Game = {
    outputs: [
      [0, 1],
      [0, 1],
    ],
    linear: [1, 1],
    square: [0, 0],
    pair: [1],
    skew: 0,
    triple: 0,
    kink: 0,
    bias: 0,
  };
  const { all, losses } = lossesOf(game);
  const chance = all.map((d, a) => losses[a]! + (d[1] === 0 ? 0 : 1) * (d[0] === 0 ? 1 : -1));
  const gap = (p: readonly number[]): number => policyGradient(all, chance, p, 1) - policyGradient(all, losses, p, 1);
  expect(Math.abs(gap([0.5, 0.3]))).toBeLessThan(1e-12);
  expect(Math.abs(gap([0.6, 0.3]))).toBeGreaterThan(1e-3);
});

it('exact credits that are complete leave L no interaction of all edges: their sum misses it (edges - 1) times', () => {
  fc.assert(
    fc.property(
      games('own').filter((game) => game.outputs.length > 1),
      fc.array(fc.double({ min: -2, max: 2, noNaN: true }), { minLength: 12, maxLength: 12 }),
      (game, numbers) => {
        const { all, losses } = lossesOf(game);
        const edges = game.outputs.length;
        // The alternating sum over all architectures is the interaction of all edges, and kills every function that misses one of them.
        const interaction = (values: readonly number[]): number =>
          all.reduce((s, d, a) => s + (-1) ** d.reduce((x, k) => x + k, 0) * values[a]!, 0);
        const sums = all.map((d, a) => {
          let total = 0;
          for (let e = 0; e < edges; e++)
            total += numbers[e * 4 + d.filter((_, i) => i !== e).reduce((code, k, i) => code + (k << i), 0)]! - losses[a]!;
          return total;
        });
        const complete = losses.map(
          (l) =>
            gameLoss(
              game,
              game.outputs.map(() => 0),
            ) - l,
        );
        const missing = interaction(complete) - interaction(sums);
        expect(Math.abs(missing - (edges - 1) * interaction(losses))).toBeLessThan(1e-9);
      },
    ),
    { seed: 3, numRuns: 60 },
  );
});

it('on a network of 729 architectures the exact credits are at distance 0 and Shapley, Banzhaf and the first marginal are not; COMA spreads less than ablation', async () => {
  const found = new Map((await creditDistances(device, 'softmax', 1)).map((d) => [d.credit, d]));
  for (const name of ['ablation', 'conditional mean (COMA)', 'baseline: mean loss'])
    expect(found.get(name)!.distance).toBeLessThan(1e-12);
  for (const name of ['taylor (R_ij)', 'Shapley', 'Banzhaf', 'alone']) expect(found.get(name)!.distance).toBeGreaterThan(0.05);
  expect(found.get('conditional mean (COMA)')!.spread).toBeLessThan(found.get('ablation')!.spread);
  expect(found.get('conditional mean, least variance')!.spread).toBeLessThan(found.get('conditional mean (COMA)')!.spread);
});
