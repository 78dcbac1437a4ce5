/** @file The error function to float64's precision: a Taylor series near zero, a continued fraction in the tails. */

/** erf(x) = 2 / sqrt(pi) int_0^x exp(-t^2) dt. Abramowitz and Stegun, 7.1.6 and 7.1.14. */
export function erf(x: number): number {
  const a = Math.abs(x);
  if (!(a < 6)) return Number.isNaN(x) ? NaN : Math.sign(x);
  const gauss = Math.exp(-a * a);
  if (a < 2.5) {
    // 2 / sqrt(pi) e^(-x^2) sum_n 2^n x^(2n+1) / (1 3 5 ... (2n+1)): all terms positive, so nothing cancels.
    let term = x;
    let sum = x;
    for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
      term *= (2 * a * a) / (2 * n + 1);
      sum += term;
    }
    return (2 / Math.sqrt(Math.PI)) * gauss * sum;
  }
  let fraction = 0;
  for (let n = 60; n >= 1; n--) fraction = n / 2 / (a + fraction);
  return Math.sign(x) * (1 - gauss / Math.sqrt(Math.PI) / (a + fraction));
}
