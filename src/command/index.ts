/** @file Public names of `reparam/command`: what command lines on this library share, in Node. Flags' values, device, tables, exit codes. */
export { chooseDevice, DEVICE_CHOICES, type DeviceChoice } from './device.ts';
export { count, images, natural, notNegative, numbers, positive, price, probability, seed, stride } from './option-values.ts';
export { EXIT } from './exit-codes.ts';
export { InUseError } from './in-use-error.ts';
export { loadModule } from './load-module.ts';
export { makeFolder, removeLeftovers, writeFileWhole } from '../files/write.ts';
export { readWeights } from '../files/weights.ts';
export { runCommand } from './run.ts';
export { StopRequest, type StopReason } from './stop.ts';
export { markdownTable, textTable } from './table.ts';
export { UsageError } from './usage-error.ts';
export { version } from './version.ts';
