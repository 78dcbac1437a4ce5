/**
 * @file `reparam/testing`: gradient checks and fast-check arbitraries, for this library's tests and for yours.
 *
 * The arbitraries need fast-check 4, an optional peer dependency: `npm install --save-dev fast-check`.
 */
export { checkGrads, type CheckGradsOptions } from './check-grads.ts';
export { GradientError, type GradientFailure, type GradientFault } from './gradient-error.ts';
export { GradTally, NonSmoothError, type OrderCount } from './tally.ts';
