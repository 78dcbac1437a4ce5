/** @file fast-check arbitraries for tensor operations. Only this folder and the registry of operations import fast-check. */
export {
  axesOf,
  axisOf,
  type Broadcast,
  broadcastPairs,
  broadcasts,
  boundaryShapes,
  boundarySizes,
  shapes,
  type ShapeOptions,
} from './shapes.ts';
export {
  bulk,
  keyWords,
  kinkSafe,
  labels,
  positive,
  realNumbers,
  type Spread,
  type TensorValue,
  tieSafe,
  tieSafeParts,
  toTensor,
  unit,
} from './values.ts';
export { paddingOf, permutationsOf, reshapesOf, type SliceBounds, slicesOf } from './views.ts';
export { type Convolution, convolutions, type Pooling, pools, type WindowLimits, type WindowParams } from './windows.ts';
