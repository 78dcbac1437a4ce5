/** @file Public names of `reparam/data`: parsers and batches, for Node and pages alike. */
export type { Augmentation } from './augment.ts';
export { type Batch, batches, type BatchOptions } from './batches.ts';
export { decodeBitmap, loadImageFiles, type PageFile } from './bitmap.ts';
export { parseCifar10 } from './cifar10.ts';
export { type Cifar100Labels, parseCifar100 } from './cifar100.ts';
export { type DecodeImage, type FolderReading, type LazyFile, readClassFolders } from './class-folders.ts';
export {
  concatDatasets,
  type Dataset,
  imageSize,
  itemShape,
  type Labels,
  type NamedBytes,
  splitDataset,
  subset,
} from './dataset.ts';
export { gunzip } from './gzip.ts';
export { type IdxArray, parseIdx, parseIdxDataset } from './idx.ts';
export { checkImage, type ImageHeader } from './image-format.ts';
export { type NpyArray, type NpyKind, parseNpy } from './npy.ts';
export { type NpzOptions, readNpz, readNpzDataset } from './npz.ts';
export type { Reading, TrainTest } from './reading.ts';
export { interleaved, type Pixels, planar, resample, resampleDataset } from './resample.ts';
export { disposeBatch, imagesShape, type LabelledImages, uploadBatch, uploadImages } from './upload.ts';
export { channelStatistics, type ChannelStatistics } from './standardise.ts';
export {
  type BatchSource,
  isDataset,
  sourceOf,
  type SourceOptions,
  type SourceSettings,
  uploadExamples,
  uploadInputs,
} from './source.ts';
