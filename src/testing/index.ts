/**
 * @file `reparam/testing`: checks of gradients, of this library's functions and of anybody's, for your tests. It needs nothing beside reparam; what
 * draws cases, the arbitraries and the registry of operations, is in `reparam/testing/properties`.
 */
export type { Arbitrary } from './cases.ts';
export { checkGradFunction } from './check-grad-function.ts';
export { checkGrads, type CheckGradsOptions } from './check-grads.ts';
export { expectGradient } from './expect-gradient.ts';
export type { CheckGradFunctionOptions, GradFunctionReport } from './function-check.ts';
export { GradientError, type GradientFailure, type GradientFault } from './gradient-error.ts';
export type { GradientRule } from './plain-function.ts';
export { GradTally, NonSmoothError, type OrderCount } from './tally.ts';
