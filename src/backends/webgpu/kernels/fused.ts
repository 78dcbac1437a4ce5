/** @file The rows of fused operations that have WGSL kernels. */
import type { FusedTable } from '../../../contract/backend.ts';
import { type Gpu, rowOn } from '../kernel.ts';
import { addAllRow } from './add-all.ts';
import { batchNormAffineRow, batchNormRow, batchNormRunningRow } from './batch-norm.ts';
import { mixedSumRow } from './mixed-sum.ts';
import { sgdManyRow } from './optimizer.ts';
import { avgPoolRow, maxPoolRow } from './pool.ts';
import { crossEntropyRow, softmaxRow } from './softmax.ts';

export function webgpuFusedTable(gpu: Gpu): FusedTable {
  return {
    softmax: rowOn(gpu, softmaxRow(gpu, 'softmax')),
    logSoftmax: rowOn(gpu, softmaxRow(gpu, 'logSoftmax')),
    crossEntropy: rowOn(gpu, crossEntropyRow(gpu)),
    batchNorm2d: rowOn(gpu, batchNormRow(gpu)),
    batchNormAffine2d: rowOn(gpu, batchNormAffineRow(gpu)),
    maxPool2d: rowOn(gpu, maxPoolRow(gpu)),
    avgPool2d: rowOn(gpu, avgPoolRow(gpu)),
    mixedSum: rowOn(gpu, mixedSumRow(gpu)),
    addAll: rowOn(gpu, addAllRow(gpu)),
    sgdMany: rowOn(gpu, sgdManyRow(gpu)),
    batchNormRunning: rowOn(gpu, batchNormRunningRow(gpu)),
  };
}
