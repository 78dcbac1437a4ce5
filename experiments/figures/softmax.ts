/** @file Probabilities of logits, on the host. */

/** exp(l_k) / sum_j exp(l_j), the largest logit taken off before. */
export function softmax(logits: readonly number[]): number[] {
  const top = Math.max(...logits);
  const e = logits.map((v) => Math.exp(v - top));
  const total = e.reduce((a, b) => a + b, 0);
  return e.map((v) => v / total);
}
