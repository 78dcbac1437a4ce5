/** @file Modules and initialisers. */
export { defaultBound, kaimingBound, uniformParameter, xavierBound } from './init.ts';
export {
  AvgPool2d,
  BatchNorm2d,
  type BatchNorm2dOptions,
  Conv2d,
  type Conv2dLayerOptions,
  Flatten,
  GlobalAvgPool2d,
  Identity,
  Linear,
  MaxPool2d,
  ReLU,
  Sequential,
} from './layers.ts';
export { Layer, Module, type StateDict, type StateTensor } from './module.ts';
export { LstmCell, type LstmState } from './lstm.ts';
