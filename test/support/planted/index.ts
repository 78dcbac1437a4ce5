/** @file All planted wrong rules: what the gradient checker must find. */
import { elementwise } from './elementwise.ts';
import { layers } from './layers.ts';
import { layout } from './layout.ts';
import type { PlantedRule } from './rule.ts';
import { windows } from './windows.ts';

export const plantedRules: readonly PlantedRule[] = [...elementwise, ...layout, ...windows, ...layers];
