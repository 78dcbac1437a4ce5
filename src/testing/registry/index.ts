/**
 * @file The registry: every public operation, each with cases, its smoothness and what it is linear in. A test fails if an
 * operation, a primitive or a fused kernel is missing here.
 */
import { elementwise } from './elementwise.ts';
import { layers } from './layers.ts';
import { layout } from './layout.ts';
import type { Operation } from './operation.ts';
import { products } from './products.ts';
import { reductions } from './reductions.ts';
import { sampling } from './sampling.ts';

export const operations: readonly Operation[] = [...elementwise, ...layout, ...reductions, ...products, ...layers, ...sampling];

export { type Operation, operation, type Sample, type Size } from './operation.ts';
export type { KernelBound, KernelCase, KernelCases, KernelOperand } from './kernel-cases.ts';
