/**
 * @file `reparam/testing/properties`: fast-check arbitraries for tensors, the registry of operations, and the checks that draw cases from
 * them, for this library's tests and for yours. It needs fast-check 4, an optional peer: `npm install --save-dev fast-check`.
 */
export * from '../arbitraries/index.ts';
export {
  checkOperationGrads,
  checkOperationKernel,
  type GradientReport,
  type KernelReport,
  type OperationFailure,
  type RunOptions,
} from '../check-operation.ts';
export { gradcheck, type GradcheckOptions, type OperationResult, type Part, unchecked, WORST_BY_ORDER } from '../gradcheck.ts';
export { type KernelError, kernelErrors, KernelTally, TRIPWIRE } from '../kernel-error.ts';
export { type Operation, operation, operations, type Sample, type Size } from '../registry/index.ts';
export { type RoundingDevice, roundingDevice } from '../rounding/device.ts';
