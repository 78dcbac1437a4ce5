/** @file Public names of `reparam/data`: parsers and batches, for Node and pages alike. */
export type { Augmentation } from './augment.ts';
export { type Batch, batches, type BatchOptions } from './batches.ts';
export { parseCifar10 } from './cifar10.ts';
export { concatDatasets, type Dataset, imageSize, type NamedBytes, splitDataset, subset } from './dataset.ts';
export { gunzip } from './gzip.ts';
export { type IdxArray, parseIdx, parseIdxDataset } from './idx.ts';
export { disposeBatch, imagesShape, type LabelledImages, uploadBatch, uploadImages } from './upload.ts';
export { channelStatistics, type ChannelStatistics } from './standardise.ts';
