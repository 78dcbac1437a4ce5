/** @file Named strengths of the resource penalty, found by the sweep of figures 13 to 15 (docs/results/fig13-15.md). */

/**
 * eta in nats for the most expensive network (costs are relative). Mild: the smallest of the swept 0.3, 1, 3, 10, 30 at which more edges are gone than
 * without a penalty. Aggressive: the smallest at which at least one node in four is gone. Moderate: between them. Swept at the size and length of the
 * preset `small`, with Adam on log alpha, which normalises the gradient: another length of search needs another sweep.
 */
export const ETA_PRESETS: Readonly<Record<EtaPreset, number>> = { mild: 0.3, moderate: 3, aggressive: 10 };

export type EtaPreset = 'mild' | 'moderate' | 'aggressive';
