/** @file The primitives of convolution and pooling on WebGPU: each call takes the fastest kernel that covers its geometry. */
export { conv2dAny as conv2d, conv2dFilterAny as conv2dFilter, conv2dInputAny as conv2dInput, maxPoolIndices } from './general.ts';
