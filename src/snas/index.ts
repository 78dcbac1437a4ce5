/** @file The public names of reparam/snas: choices, search spaces, relaxation, cost and search, and the DARTS space. */
export { type Architecture, architectureOf, argmaxOf, NONE, optionIndices } from './space/architecture.ts';
export { type ChildRecord, childRecord, recordedArchitecture } from './space/child-record.ts';
export { Choice, choice, type ChoiceSettings, none, type Option } from './space/choice.ts';
export {
  type ChoiceMatrix,
  type ChoiceSpec,
  type ChoiceWeights,
  hostRows,
  noiseOfName,
  type NoiseSource,
  oneHotWeights,
  SpaceLayout,
} from './space/layout.ts';
export { type PassOptions, type PathMask, type PathStep, type PlaceTrace, sumOfPlaces } from './space/pass.ts';
export { drawSpace, type DrawSpaceOptions, type PlaceGraph, placeGraph } from './space/draw.ts';
export { type ChildModel, childModel, type TrainableChild } from './space/path-masks.ts';
export {
  loadChild,
  makeChild,
  type NetworkContext,
  type NetworkFactory,
  type Place,
  SearchSpace,
  type SpaceDefinition,
} from './space/search-space.ts';
export { type Cost, type PlaceCosts, type Resource, RESOURCES } from './space/resources.ts';
export { type BlackBox, BlackBoxCost, type BlackBoxFactory, type BlackBoxOptions } from './cost/black-box.ts';
export { networkContext } from './child/context.ts';
export { CHILD_PRESETS, type ChildPreset, type PresetName } from './child/presets.ts';
export { type Confusion, confusionOf, type Prediction, type PredictionOptions, predictions, outputs } from './child/predictions.ts';
export { classification, regression, type Task } from './child/task.ts';
export {
  type ChildStep,
  type ChildTrainingConfig,
  type ChildTrainingOptions,
  scoreChild,
  trainChild,
  type TrainedEpoch,
} from './child/training.ts';
export { Budget, type BudgetLimits, type BudgetReport, type WithinBudget } from './cost/budget.ts';
export { type ChildCost, childCost } from './cost/child-cost.ts';
export { type CostLimits, withinBudget } from './cost/within-budget.ts';
export { CostTable, type ResourceWeights } from './cost/cost.ts';
export { countCost, type CountedCost, type CountedOperation, type Priced } from './cost/counted.ts';
export { SpaceCost } from './cost/space-cost.ts';
export { costTable, spaceCost } from './cost/space-table.ts';
export { ETA_PRESETS, type EtaPreset } from './cost/eta-presets.ts';
export {
  batchNorms,
  type EvaluationOptions,
  recomputeStatistics,
  score,
  type Score,
  withBatchStatistics,
} from './child/evaluation.ts';
export { correctCount } from './child/totals.ts';
export * from './cost/expected-cost.ts';
export { RUN_KEYS, SEARCH_KEYS, TRAINING_KEYS } from './keys.ts';
export { childLatency, type Latency, type LatencyOptions } from './cost/latency.ts';
export { type Preset, PRESETS } from './search/presets.ts';
export { type LatencyUnit, type MeasuredLatencyOptions, measuredLatency, RelativeLatency } from './cost/relative-latency.ts';
export { type ArchitectureInit, architectureParameters, pathwiseGradients } from './strategies/log-alpha.ts';
export { argmaxArchitecture, jointEntropy, meanEntropy, reachProbabilities } from './strategies/probabilities.ts';
export { Snas, type SnasOptions } from './strategies/snas.ts';
export { type LocateStepOptions, type NonFiniteStep, Search } from './search/search.ts';
export type { ChildScore, EpochMetrics, RunOptions, SearchConfig, SearchData, SearchOptions, StepReport } from './search/config.ts';
export type {
  ArchitectureStrategy,
  BilevelProblem,
  Feedback,
  StrategyInputs,
  StrategySpace,
  StrategyStep,
} from './strategies/strategy.ts';
export * from './spaces/darts/public.ts';
export { chain, type ChainSettings } from './spaces/chain.ts';
export { type ShippedSpace, shippedSpace, SPACES, type SpaceSettings } from './spaces/index.ts';
export { mlp, type MlpSettings } from './spaces/mlp.ts';
export {
  nasbench201,
  NASBENCH201_OPERATIONS,
  type Nasbench201Settings,
  parseNasbench201,
  printNasbench201,
} from './spaces/nasbench201.ts';
