/** @file The public names of reparam/credit: how much of the loss each edge of a cell is to be credited with. */
export { type Edge, edgeCredits, mixingCredits } from './edge.ts';
export { type AuditOptions, type AuditReport, auditSpace, type ChoiceAudit, type PlaceAudit, spearman } from './audit.ts';
export { conservation, type ConservationReport, type NodeConservation } from './conservation.ts';
export { MAX_PLAYERS } from './coalitions.ts';
export {
  costCredits,
  creditCost,
  type CreditCostOptions,
  type CreditKind,
  creditKinds,
  type CreditOptions,
  lossesWithout,
  networkCredits,
  traceEdges,
} from './credits.ts';
export {
  type DagOptions,
  dagFixture,
  singleEdgeFixture,
  type SingleEdgeFixture,
  type SingleEdgeOptions,
} from './fixtures/networks.ts';
export { type Head, type HeadName, headNames, makeHead, type OwnHead } from './fixtures/heads.ts';
export { bestConstantBaseline, leastVarianceWeights, optionCredits } from './options.ts';
export { type Player, type PlayerOptions, playersOf } from './players.ts';
export { controlVariate, type Fitting, rebar, relax } from './estimators/control-variates.ts';
export { concreteScore, scoreTimesCredit, scoreTimesLoss } from './estimators/credit-score.ts';
export { type BaselineName, baselineNames, type BaselineReport, baselineSpreads } from './estimators/baselines.ts';
export { choiceOf, enumerate, type Enumeration, MAX_ARCHITECTURES, probabilities } from './estimators/enumerate.ts';
export {
  conditionalPerturbed,
  discreteScore,
  type Draw,
  type Estimator,
  exponentials,
  lossesAt,
  makeDraw,
  operationCount,
  type Passes,
  scoreTimes,
} from './estimators/estimator.ts';
export type { ArchitectureFixture, Exact } from './estimators/fixture.ts';
export {
  allEstimators,
  type EstimatorReport,
  type LaboratoryOptions,
  type LaboratoryReport,
  runLaboratory,
} from './estimators/laboratory.ts';
export { gumbelRao, pathwise, relaxedSample, slopeAtHard, straightThroughGumbel } from './estimators/pathwise.ts';
export {
  conditionalMean,
  counterfactual,
  dsnas,
  emaBaseline,
  leaveOneOut,
  meanBaseline,
  reinforce,
} from './estimators/score-function.ts';
export {
  type EdgeGroup,
  type EdgeTap,
  type GatedEdge,
  type GatedNetwork,
  type GatedRun,
  groupsOf,
  perSample,
  type RowTap,
} from './gated.ts';
export { compositeRule, gaussLegendre, type Quadrature, weightedSum } from './quadrature.ts';
export {
  type CreditDraw,
  creditGroups,
  creditHeatMap,
  type CreditRecord,
  type PlaceCreditRecord,
  recordCredits,
  type RecordOptions,
} from './recorder.ts';
export {
  chiSquareTail,
  type Interval,
  interval,
  type IntervalOptions,
  studentQuantile,
  studentTail,
  VectorMoments,
} from './statistics.ts';
export {
  above,
  allOf,
  below,
  type Estimate,
  holm,
  judgeEstimate,
  judgeIdentity,
  judgeMean,
  type Judgement,
  judgeShare,
  LEVEL,
  near,
  type Region,
  type Verdict,
} from './verdict.ts';
export type { LabelledImages as CreditBatch } from '../data/index.ts';
export { type PlaceEdge, placeEdges, placeNetwork } from './places.ts';
export * from './derivation/index.ts';
