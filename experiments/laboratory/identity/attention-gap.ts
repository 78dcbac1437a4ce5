/**
 * @file Equations 18 and 19 of the article on a linear network: E[L(Z)] of sampled architectures against L(E[Z]), the mixture that DARTS follows.
 *
 * A chain of linear cells x_{c+1} = sum_k Z_ck W_ck x_c with loss t . x, in plain numbers. L is linear in the Z of each cell. So with a Z of its own for each
 * cell the two are equal; with one Z for all cells L is a polynomial of its degree in Z, and they are not.
 */
import { foldIn, key, normals } from 'reparam';

export interface AttentionGap {
  /** E[L(Z)] - L(E[Z]), and the standard deviation of L over architectures. */
  readonly own: { readonly gap: number; readonly deviation: number };
  readonly tied: { readonly gap: number; readonly deviation: number };
}

const SIZE = 3;
const OPTIONS = 3;

/** Both, by enumeration of all one-hot Z. */
export function attentionGap(cells: number, seed: number): AttentionGap {
  const k = key(seed);
  const weight = Array.from({ length: cells * OPTIONS }, (_, i) =>
    Array.from(normals(foldIn(k, i), SIZE * SIZE), (v) => v / Math.sqrt(SIZE)),
  );
  const [input, target] = [Array.from(normals(foldIn(k, 1001), SIZE)), Array.from(normals(foldIn(k, 1002), SIZE))];
  const e = Array.from(normals(foldIn(k, 1003), OPTIONS), Math.exp);
  const pi = e.map((v) => v / e.reduce((a, b) => a + b, 0));
  const loss = (rows: readonly (readonly number[])[]): number => {
    let x = input;
    rows.forEach((row, c) => {
      const next = Array.from({ length: SIZE }, () => 0);
      row.forEach((z, o) => {
        const w = weight[c * OPTIONS + o]!;
        for (let i = 0; i < SIZE; i++) for (let j = 0; j < SIZE; j++) next[j]! += z * x[i]! * w[i * SIZE + j]!;
      });
      x = next;
    });
    return x.reduce((s, v, i) => s + v * target[i]!, 0);
  };
  const hot = (o: number): number[] => pi.map((_, i) => Number(i === o));
  const over = (all: readonly { readonly p: number; readonly rows: readonly (readonly number[])[] }[]): AttentionGap['own'] => {
    const values = all.map(({ p, rows }) => ({ p, l: loss(rows) }));
    const mean = values.reduce((s, { p, l }) => s + p * l, 0);
    const mixture = loss(Array.from({ length: cells }, () => pi));
    return { gap: mean - mixture, deviation: Math.sqrt(values.reduce((s, { p, l }) => s + p * (l - mean) ** 2, 0)) };
  };
  const own = Array.from({ length: OPTIONS ** cells }, (_, a) => {
    const options = Array.from({ length: cells }, (_u, c) => Math.floor(a / OPTIONS ** c) % OPTIONS);
    return { p: options.reduce((p, o) => p * pi[o]!, 1), rows: options.map(hot) };
  });
  const tied = pi.map((p, o) => ({ p, rows: Array.from({ length: cells }, () => hot(o)) }));
  return { own: over(own), tied: over(tied) };
}
