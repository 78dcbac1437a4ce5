/** @file The derivation of the credit as a program: lines, switches, and both sides of each. */
export {
  derive,
  deriveBySampling,
  type DerivationResult,
  type LimitCheck,
  limitOfDerivation,
  type LineResult,
  type SampledSides,
  toleranceOf,
} from './evaluate.ts';
export { type Line, type LineName, lines as derivationLines } from './lines.ts';
export {
  combinationTable,
  derivationPage,
  gapTable,
  linesTable,
  singleSwitches,
  surfaceOf,
  surfaceTable,
  switchTable,
} from './report.ts';
export { surfaceIdentity, type SurfaceProblem, type SurfaceTerms } from './surface.ts';
export { allAssumed, allSwitches, type AssumptionName, assumptions, type Switches, switchTitle } from './switches.ts';
export {
  makeWorld,
  type World,
  type WorldNetwork,
  type WorldOptions,
  type WorldRun,
  type RunSettings,
  type Waypoint,
} from './world.ts';
