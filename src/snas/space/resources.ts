/** @file What an option costs: the three resources, and the numbers of one place. */
import type { PathStep } from './pass.ts';

export const RESOURCES = ['parameters', 'flops', 'memory'] as const;
/** Weights; multiply-adds; elements read and written (memory access cost). */
export type Resource = (typeof RESOURCES)[number];
export type Cost = Readonly<Record<Resource, number>>;

/** What the options of one place cost. */
export interface PlaceCosts {
  readonly choice: number;
  /** Options of outer choices that the place stands in. */
  readonly path: readonly PathStep[];
  /** A number for each option. */
  readonly costs: Readonly<Record<Resource, readonly number[]>>;
}
