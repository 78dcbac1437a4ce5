/** @file The axioms: for a credit and a game, by how much the axiom is violated, over all architectures. */
import type { Device } from 'reparam';
import { creditsOf, type MatrixCredit } from './credits.ts';
import { architectures, type Game, gameLoss, gameNetwork } from './games.ts';

export const axiomNames = ['exact', 'exact, tied', 'complete', 'null edge', 'symmetric', 'sign', 'scale of the norm'] as const;
export type AxiomName = (typeof axiomNames)[number];

export interface Axiom {
  readonly name: AxiomName;
  readonly says: string;
  /** What the axiom is about: the games on which it can be violated. */
  readonly applies: (game: Game) => boolean;
  /** The largest violation, 0 where it holds. */
  readonly violation: (device: Device, credit: MatrixCredit, game: Game) => Promise<number>;
}

const outputsAt = (game: Game, d: readonly number[]): number[] => game.outputs.map((o, e) => o[d[e]!]!);
const lossAt = (game: Game, d: readonly number[]): number => gameLoss(game, outputsAt(game, d));

async function table(
  device: Device,
  credit: MatrixCredit,
  game: Game,
): Promise<{ readonly all: number[][]; readonly credits: number[][] }> {
  const all = architectures(game);
  return { all, credits: await creditsOf(credit, gameNetwork(device, game, all)) };
}

/** How much a function of architectures changes with the option of one choice, at most, all others held. */
function dependence(all: readonly (readonly number[])[], values: readonly number[], choice: readonly number[]): number {
  const others = new Map<string, number[]>();
  all.forEach((d, a) => {
    const name = d.filter((_, e) => !choice.includes(e)).join();
    others.set(name, [...(others.get(name) ?? []), values[a]!]);
  });
  return Math.max(...[...others.values()].map((v) => Math.max(...v) - Math.min(...v)));
}

/** L + R must not depend on the choice that R credits. */
const exactness = async (device: Device, credit: MatrixCredit, game: Game): Promise<number> => {
  const { all, credits } = await table(device, credit, game);
  const groups = game.tied ? [[0, 1], ...game.outputs.slice(2).map((_, e) => [e + 2])] : game.outputs.map((_, e) => [e]);
  const violations = groups.map((edges, g) => {
    const own = credit.by === 'group' ? [credits[g]!] : edges.map((e) => credits[e]!);
    const values = all.map((d, a) => lossAt(game, d) + own.reduce((s, r) => s + r[a]!, 0));
    return dependence(all, values, edges);
  });
  return Math.max(...violations);
};

/** v(S): the loss with the outputs of edges outside the set cut. */
const cutLoss = (game: Game, y: readonly number[], set: number): number =>
  gameLoss(
    game,
    y.map((v, e) => ((set >> e) & 1 ? v : 0)),
  );

const own = (game: Game): boolean => !game.tied && !game.normed;

export const axioms: readonly Axiom[] = [
  {
    name: 'exact',
    says: 'E[score_e (-R_e)] is the gradient of E[L] for all logits of independent choices: L + R_e does not depend on the choice of e',
    applies: own,
    violation: exactness,
  },
  {
    name: 'exact, tied',
    says: 'the same for a Z that two places share, with the credits of its places summed',
    applies: (game) => game.tied === true && !game.normed,
    violation: exactness,
  },
  {
    name: 'complete',
    says: 'the credits sum to the loss of the empty network minus the loss',
    applies: own,
    violation: async (device, credit, game) => {
      const { all, credits } = await table(device, credit, game);
      return Math.max(
        ...all.map((d, a) => {
          const y = outputsAt(game, d);
          return Math.abs(credits.reduce((s, r) => s + r[a]!, 0) - (cutLoss(game, y, 0) - gameLoss(game, y)));
        }),
      );
    },
  },
  {
    name: 'null edge',
    says: 'an edge whose output the loss does not read has credit 0',
    applies: own,
    violation: async (device, credit, game) => {
      const last = game.outputs.length - 1;
      const pair = game.pair.map((c, i) => ([1, 2, 2][i] === last && game.outputs.length > 1 ? 0 : c));
      // The kink reads all edges; without it the last one is read by nothing.
      const quiet: Game = {
        ...game,
        kink: 0,
        skew: last === 1 ? 0 : game.skew,
        triple: last === 2 ? 0 : game.triple,
        linear: game.linear.map((c, e) => (e === last ? 0 : c)),
        square: game.square.map((c, e) => (e === last ? 0 : c)),
        pair,
      };
      const { credits } = await table(device, credit, quiet);
      return Math.max(...credits[last]!.map(Math.abs));
    },
  },
  {
    name: 'symmetric',
    says: 'edges that the loss cannot tell apart have one credit where they take one option',
    applies: (game) => own(game) && game.outputs.length > 1,
    violation: async (device, credit, game) => {
      const copy = <T>(list: readonly T[]): T[] => list.map((v, e) => (e === 1 ? list[0]! : v));
      const twin: Game = {
        ...game,
        outputs: copy(game.outputs),
        linear: copy(game.linear),
        square: copy(game.square),
        pair: game.pair.map((c, i) => (i === 2 ? game.pair[1]! : c)),
        skew: 0,
      };
      const { all, credits } = await table(device, credit, twin);
      return Math.max(...all.flatMap((d, a) => (d[0] === d[1] ? [Math.abs(credits[0]![a]! - credits[1]![a]!)] : [])));
    },
  },
  {
    name: 'sign',
    says: 'an edge that lowers the loss (raises it) whatever the others that are there has no credit below (above) 0',
    applies: own,
    violation: async (device, credit, game) => {
      const { all, credits } = await table(device, credit, game);
      const found = all.flatMap((d, a) => {
        const y = outputsAt(game, d);
        return y.map((_, e) => {
          const sets = Array.from({ length: 2 ** y.length }, (_u, set) => set).filter((set) => !((set >> e) & 1));
          const gains = sets.map((set) => cutLoss(game, y, set) - cutLoss(game, y, set | (1 << e)));
          const r = credits[e]![a]!;
          return Math.max(gains.every((g) => g >= 0) ? -r : 0, gains.every((g) => g <= 0) ? r : 0, 0);
        });
      });
      return Math.max(...found);
    },
  },
  {
    name: 'scale of the norm',
    says: 'credits do not change where all outputs into a norm are twice as large',
    applies: (game) => game.normed === true && !game.tied && game.outputs.every(([a, b]) => a !== 0 && b !== 0),
    violation: async (device, credit, game) => {
      const twice: Game = { ...game, outputs: game.outputs.map(([a, b]) => [2 * a, 2 * b] as const) };
      const [one, two] = [await table(device, credit, game), await table(device, credit, twice)];
      return Math.max(...one.credits.flatMap((row, p) => row.map((v, a) => Math.abs(v - two.credits[p]![a]!))));
    },
  },
];
