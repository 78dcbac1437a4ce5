/** @file `reparam credit audit`: for a searched supernet, how far each edge's credit is from exact. */
import path from 'node:path';
import { auditSupernet } from '../../credit/audit.ts';
import type { Device } from '../../device.ts';
import { cpu } from '../../cpu/backend.ts';
import type { StateDict } from '../../nn/module.ts';
import { heatMap } from '../../plot/index.ts';
import { foldIn, gumbels, key, normals } from '../../random.ts';
import { CELL_TYPES, edgesOf, OPERATIONS } from '../../snas/genotype.ts';
import { Supernet } from '../../snas/network.ts';
import type { CellWeights } from '../../snas/strategy.ts';
import type { CreditBatch } from '../../credit/supernet.ts';
import { DataFileError } from '../../errors.ts';
import { batches, channelStatistics, loadFolderOrMnist } from './audit-data.ts';
import { RunFolder } from '../run-folder.ts';
import { loadWeights } from '../weights.ts';
import { markdownTable, show, textTable, writeResults } from './report.ts';

export interface AuditFlags {
  readonly run: string;
  readonly cells?: readonly number[];
  readonly images: number;
  readonly temperature?: number;
  readonly points: number;
  readonly seed: number;
}
