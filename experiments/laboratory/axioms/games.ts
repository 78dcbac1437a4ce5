/**
 * @file Games: the smallest networks with choices, on which an axiom of credits is decided by looking at every architecture.
 *
 * Edge e puts out the number y_e = sum_k z_ek o_ek, and the loss is a polynomial of the y with one ReLU:
 *   L = sum_e (linear_e y_e + square_e y_e^2) + sum_pairs pair y_e y_f + skew y_0^2 y_1 + triple y_0 y_1 y_2
 *     + kink relu(sum_e y_e + bias).
 */
import { add, addAll, type Device, div, equal, matmul, mul, relu, reshape, sqrt, square, type Tensor, where } from 'reparam';
import type { GatedNetwork } from 'reparam/credit';

/** Integers, so that a counterexample is read at a glance. */
export interface Game {
  /** o, [edges][two options]. */
  readonly outputs: readonly (readonly [number, number])[];
  readonly linear: readonly number[];
  readonly square: readonly number[];
  /** Of edges 0 1, 0 2, 1 2, as many as there are. */
  readonly pair: readonly number[];
  /** With two edges or more. */
  readonly skew: number;
  /** With three edges. */
  readonly triple: number;
  readonly kink: number;
  readonly bias: number;
  /** Edges 0 and 1 take the same row of Z. */
  readonly tied?: boolean;
  /** The y are divided by their length first, as a batch norm with eps 0 does. */
  readonly normed?: boolean;
}

export const OPTIONS = 2;

/** The loss in plain numbers, for outputs y. */
export function gameLoss(game: Game, y: readonly number[]): number {
  const length = Math.hypot(...y);
  const x = game.normed && length > 0 ? y.map((v) => v / length) : y;
  let total = game.kink * Math.max(0, x.reduce((a, b) => a + b, 0) + game.bias);
  x.forEach((v, e) => (total += game.linear[e]! * v + game.square[e]! * v * v));
  pairsOf(x.length).forEach(([e, f], i) => (total += game.pair[i]! * x[e]! * x[f]!));
  if (x.length > 1) total += game.skew * x[0]! * x[0]! * x[1]!;
  return x.length === 3 ? total + game.triple * x[0]! * x[1]! * x[2]! : total;
}

function pairsOf(edges: number): (readonly [number, number])[] {
  return [[0, 1] as const, [0, 2] as const, [1, 2] as const].filter(([, f]) => f < edges);
}

/** Rows of Z of all architectures, [architectures][edges] option numbers; tied edges take the same. */
export function architectures(game: Game): number[][] {
  const edges = game.outputs.length;
  const all = Array.from({ length: OPTIONS ** edges }, (_, a) => Array.from({ length: edges }, (_u, e) => (a >> e) & 1));
  return game.tied ? all.filter((d) => d[0] === d[1]) : all;
}

/** The game at rows of Z, [samples][edges] options, one architecture a sample. */
export function gameNetwork(device: Device, game: Game, options: readonly (readonly number[])[]): GatedNetwork {
  const edges = game.outputs.map((_, e) => ({
    name: `${e}`,
    from: e,
    to: game.outputs.length,
    group: e === 1 && game.tied ? 0 : e,
  }));
  const s = options.length;
  const rows = edges.map((_, e) =>
    device.tensor(
      options.flatMap((d) => [Number(d[e] === 0), Number(d[e] === 1)]),
      [s, OPTIONS],
    ),
  );
  return {
    edges,
    run: (tap = (_e, o) => o, rowTap = (_e, row) => row) => {
      const y = edges.map((_, e) => {
        const o = device.tensor(game.outputs[e]!, [OPTIONS, 1]);
        return tap(e, reshape(matmul(rowTap(e, rows[e]!), o), [s]));
      });
      const length = sqrt(addAll(y.map(square)));
      const one = device.ones([s]);
      const x = game.normed ? y.map((v) => div(v, where(equal(length, 0), one, length))) : y;
      const terms: Tensor[] = x.flatMap((v, e) => [mul(v, game.linear[e]!), mul(square(v), game.square[e]!)]);
      pairsOf(x.length).forEach(([e, f], i) => terms.push(mul(mul(x[e]!, x[f]!), game.pair[i]!)));
      if (x.length > 1) terms.push(mul(mul(square(x[0]!), x[1]!), game.skew));
      if (x.length === 3) terms.push(mul(mul(mul(x[0]!, x[1]!), x[2]!), game.triple));
      terms.push(mul(relu(add(addAll(x), game.bias)), game.kink));
      return { losses: addAll(terms), nodes: new Map([[edges.length, addAll(y)]]) };
    },
  };
}

/** The game in one line: the numbers that are not 0. */
export function showGame(game: Game): string {
  const y = game.outputs.map((_, e) => (game.normed ? `n${e}` : `y${e}`));
  const term = (c: number, of: string): string[] => (c === 0 ? [] : [c === 1 ? of : `${c} ${of}`]);
  const terms = [
    ...y.flatMap((v, e) => [...term(game.linear[e]!, v), ...term(game.square[e]!, `${v}²`)]),
    ...pairsOf(y.length).flatMap(([e, f], i) => term(game.pair[i]!, `${y[e]} ${y[f]}`)),
    ...(y.length > 1 ? term(game.skew, `${y[0]}² ${y[1]}`) : []),
    ...(y.length === 3 ? term(game.triple, y.join(' ')) : []),
    ...term(game.kink, `relu(${y.join(' + ')}${game.bias === 0 ? '' : ` ${game.bias < 0 ? '-' : '+'} ${Math.abs(game.bias)}`})`),
  ];
  const choices = game.outputs.map((o, e) => `y${e} ∈ {${o.join(', ')}}`).join(', ');
  return `L = ${terms.join(' + ').replaceAll('+ -', '- ') || '0'}; ${choices}${game.tied ? ', one Z for y0 and y1' : ''}`;
}
