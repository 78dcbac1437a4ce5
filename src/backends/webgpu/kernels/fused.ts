/** @file The WGSL kernels that stand in for the composites of fused operations, by the operation's name. */
import type { FusedKernel } from '../../../core/fused.ts';
import type { GpuFacts } from '../kernel.ts';
import { addAllKernel } from './add-all.ts';
import { batchNormAffineKernel, batchNormKernel, batchNormRunningKernel } from './batch-norm.ts';
import { mixedSumKernel } from './mixed-sum.ts';
import { avgPoolKernel, maxPoolKernel } from './pool.ts';
import { sgdManyKernel } from './sgd-many.ts';
import { crossEntropyKernel, softmaxKernel } from './softmax.ts';

/** The kernels for a device with these facts. */
export function webgpuFusedKernels(facts: GpuFacts): ReadonlyMap<string, FusedKernel> {
  return new Map<string, FusedKernel>([
    ['addAll', addAllKernel(facts)],
    ['avgPool2d', avgPoolKernel(facts)],
    ['batchNorm2d', batchNormKernel(facts)],
    ['batchNormAffine2d', batchNormAffineKernel(facts)],
    ['batchNormRunning', batchNormRunningKernel()],
    ['crossEntropy', crossEntropyKernel(facts)],
    ['logSoftmax', softmaxKernel(facts, 'logSoftmax')],
    ['maxPool2d', maxPoolKernel(facts)],
    ['mixedSum', mixedSumKernel(facts)],
    ['sgdMany', sgdManyKernel(facts)],
    ['softmax', softmaxKernel(facts, 'softmax')],
  ]);
}
