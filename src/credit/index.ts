/** @file The public names of reparam/credit: how much of the loss each edge of a cell is to be credited with. */
export { type Edge, edgeCredits, mixingCredits } from './edge.ts';
export { type AuditOptions, type AuditReport, auditSupernet, type EdgeAudit, spearman } from './audit.ts';
export { conservation, type ConservationReport, type NodeConservation } from './conservation.ts';
export { costCredits, creditCost, type CreditKind, creditKinds, type CreditOptions, networkCredits } from './credits.ts';
export { chainCurves, type ChainCurve, chainEpisodes, type EpisodesByDepth, tableMethods, treeEpisodes } from './delayed/curves.ts';
export { type DeepChain, deepChain, type DeepChainOptions } from './delayed/deep-chain.ts';
export { Lstm, type LstmOptions } from './delayed/lstm.ts';
export { creditRace, type DepthReport, gradientByDepth, raceLogits, type RaceOptions, type RacePoint } from './delayed/race.ts';
export { type Lesson, Rudder, type RudderOptions } from './delayed/rudder.ts';
export {
  chainValue,
  criticGradient,
  type DecisionProcess,
  episodesToShare,
  exactValues,
  monteCarloEpisode,
  pathOf,
  sweepsToReach,
  tdLambdaEpisode,
  treeSize,
} from './delayed/tabular.ts';
export {
  learnWatchRepair,
  watchEpisode,
  type WatchMethod,
  watchMethods,
  type WatchOptions,
  type WatchResult,
} from './delayed/watch-repair.ts';
export { controlVariate, type Fitting, rebar, relax } from './estimators/control-variates.ts';
export { scoreTimesCredit, scoreTimesLoss } from './estimators/credit-score.ts';
export { enumerate, type Enumeration, MAX_ARCHITECTURES } from './estimators/enumerate.ts';
export { type Draw, type Estimator, makeDraw, type Passes } from './estimators/estimator.ts';
export {
  allEstimators,
  type EstimatorReport,
  type Exact,
  type LaboratoryOptions,
  type LaboratoryReport,
  runLaboratory,
} from './estimators/laboratory.ts';
export { gumbelRao, pathwise, straightThroughGumbel } from './estimators/pathwise.ts';
export { counterfactual, dsnas, emaBaseline, leaveOneOut, meanBaseline, reinforce } from './estimators/score-function.ts';
export {
  type ArchitectureFixture,
  dagFixture,
  type DagOptions,
  singleEdgeFixture,
  type SingleEdgeFixture,
  type SingleEdgeOptions,
} from './fixtures.ts';
export { type EdgeTap, type GatedEdge, type GatedNetwork, type GatedRun } from './gated.ts';
export { type Head, type HeadName, headNames } from './heads.ts';
export { batchNormFixture } from './identity/batch-norm.ts';
export { type IdentityReport, type IdentityTest, monteCarloIdentity, type MonteCarloOptions } from './identity/monte-carlo.ts';
export { edgeObjective, tiedChainObjective } from './identity/objectives.ts';
export { type GateObjective, identityTerms, type IdentityTerms } from './identity/quadrature.ts';
export { compositeRule, gaussLegendre, type Quadrature } from './quadrature.ts';
export { creditHeatMap, type CreditRecord, type EdgeCreditRecord, recordCredits, type RecordOptions } from './recorder.ts';
export { chiSquareTail, type Interval, interval, studentQuantile, VectorMoments } from './statistics.ts';
export type { LabelledImages as CreditBatch } from '../data/index.ts';
export { type SupernetEdge, supernetEdges, supernetNetwork } from './supernet.ts';
