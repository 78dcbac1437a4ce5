/** @file What the values of flags may be: each parser refuses what breaks its rule, and commander names the flag. */
import { InvalidArgumentError } from 'commander';
import { ETA_PRESETS } from '../snas/cost/eta-presets.ts';

/** A parser of numbers for which the rule holds; its error says the rule. */
function number(rule: string, holds: (n: number) => boolean): (text: string) => number {
  return (text) => {
    const n = Number(text);
    if (text.trim() === '' || !Number.isFinite(n) || !holds(n)) throw new InvalidArgumentError(`It must be ${rule}.`);
    return n;
  };
}

/** A parser of several numbers with commas between them; its error says the rule. */
export function numbers(rule: string, holds: (list: readonly number[]) => boolean): (text: string) => number[] {
  return (text) => {
    const parts = text.split(',');
    const list = parts.map(Number);
    if (parts.some((p) => p.trim() === '') || !list.every(Number.isFinite) || !holds(list))
      throw new InvalidArgumentError(`It must be ${rule}, with commas.`);
    return list;
  };
}

export const count: (text: string) => number = number('an integer of 1 or more', (n) => Number.isInteger(n) && n >= 1);
export const natural: (text: string) => number = number('an integer of 0 or more', (n) => Number.isInteger(n) && n >= 0);
export const seed: (text: string) => number = number('an integer from 0 to 2^53 - 1', (n) => Number.isSafeInteger(n) && n >= 0);
export const notNegative: (text: string) => number = number('a number of 0 or more', (n) => n >= 0);
export const positive: (text: string) => number = number('a number above 0', (n) => n > 0);
export const probability: (text: string) => number = number('a number from 0 to below 1', (n) => n >= 0 && n < 1);
export const stride: (text: string) => 1 | 2 = (text) => (oneOrTwo(text) === 1 ? 1 : 2);
const oneOrTwo = number('1 or 2', (n) => n === 1 || n === 2);
export const images: (text: string) => number = number(
  'a number of images, or a part of the training set below 1',
  (n) => n > 0 && (n < 1 || Number.isInteger(n)),
);

/** eta: a number, or the name of a strength that was found by a sweep. */
export function price(text: string): number {
  const named = Object.entries(ETA_PRESETS).find(([name]) => name === text)?.[1];
  return named ?? number(`a number of 0 or more, or one of ${Object.keys(ETA_PRESETS).join(', ')}`, (n) => n >= 0)(text);
}
