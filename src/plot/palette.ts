/** @file Colours that remain distinct under the common colour vision deficiencies. */

/** Okabe and Ito's colours ("Color universal design", 2008), darkest contrasts first; yellow is left out: too pale on white. */
export const palette: readonly string[] = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#000000', '#56b4e9', '#e69f00'];

/** Dash patterns, so that series can be told apart without colour. */
export const dashes: readonly string[] = ['', '7 3', '2 3', '9 3 2 3', '4 2', '12 4', '1 4'];

/** Three numbers in 0..255 as a colour. */
export function rgb(r: number, g: number, b: number): string {
  return `#${[r, g, b].map((v) => Math.round(v).toString(16).padStart(2, '0')).join('')}`;
}

const blend = (from: readonly number[], to: readonly number[], t: number): string =>
  rgb(from[0]! + (to[0]! - from[0]!) * t, from[1]! + (to[1]! - from[1]!) * t, from[2]! + (to[2]! - from[2]!) * t);

const WHITE = [247, 247, 247];
const BLUE = [5, 80, 140];
const ORANGE = [180, 75, 0];

/** -1 is blue, 0 near white, 1 orange. */
export function diverging(t: number): string {
  return t < 0 ? blend(WHITE, BLUE, Math.min(1, -t)) : blend(WHITE, ORANGE, Math.min(1, t));
}

/** 0 is near white, 1 dark blue. */
export function sequential(t: number): string {
  return blend(WHITE, BLUE, Math.max(0, Math.min(1, t)));
}
