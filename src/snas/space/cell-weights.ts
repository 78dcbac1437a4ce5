/** @file The type of Z: one row an edge, one column an operation, one tensor a cell type. */
import type { Tensor } from '../../core/tensor.ts';
import type { CellType } from './genotype.ts';

/** Z, or anything of its shape, for both cell types: [edges, 8] each, rows in the order of `edgesOf`, columns of `OPERATIONS`. */
export type CellWeights = Readonly<Record<CellType, Tensor>>;
