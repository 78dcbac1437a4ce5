/** @file Public names of `reparam/export`: weights in other people's formats. */
export { writeNpz } from './npz.ts';
export { readSafetensors, type Safetensors, writeSafetensors } from './safetensors.ts';
