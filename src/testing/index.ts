/**
 * @file `reparam/testing`: gradient checks, fast-check arbitraries and the registry of operations, for this library's tests and
 * for yours.
 *
 * The arbitraries and the registry need fast-check 4, an optional peer dependency: `npm install --save-dev fast-check`.
 */
export * from './arbitraries/index.ts';
export { checkGrads, type CheckGradsOptions } from './check-grads.ts';
export {
  checkOperationGrads,
  checkOperationKernel,
  type GradientReport,
  type KernelReport,
  type OperationFailure,
  type RunOptions,
} from './check-operation.ts';
export { gradcheck, type GradcheckOptions, type OperationResult, type Part, unchecked, WORST_BY_ORDER } from './gradcheck.ts';
export { GradientError, type GradientFailure, type GradientFault } from './gradient-error.ts';
export { type KernelError, kernelErrors, KernelTally, TRIPWIRE } from './kernel-error.ts';
export { type Operation, operation, operations, type Sample, type Size } from './registry/index.ts';
export { type RoundingDevice, roundingDevice } from './rounding/device.ts';
export { GradTally, NonSmoothError, type OrderCount } from './tally.ts';
