/** @file Public names of `reparam/export`: weights in other people's formats. */
export { writeNpz } from './npz.ts';
export {
  type ChecksumOptions,
  readSafetensors,
  type Safetensors,
  writeCheckedSafetensors,
  writeSafetensors,
} from './safetensors.ts';
export { type Sha256, sha256 } from './sha256.ts';
