/**
 * @file `reparam/testing`: the gradient check of one function at one point, for your tests. It needs nothing beside reparam; what draws
 * cases, the arbitraries and the registry of operations, is in `reparam/testing/properties`.
 */
export { checkGrads, type CheckGradsOptions } from './check-grads.ts';
export { GradientError, type GradientFailure, type GradientFault } from './gradient-error.ts';
export { GradTally, NonSmoothError, type OrderCount } from './tally.ts';
