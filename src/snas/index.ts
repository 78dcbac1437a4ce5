/** @file The public names of reparam/snas: search space, networks, relaxation, cost and search. */
export { type BlackBox, BlackBoxCost, type BlackBoxFactory, type BlackBoxOptions } from './cost/black-box.ts';
export { type CellContext, type EdgeTrace, MixedCell, ChildCell, type PathMask } from './space/cell.ts';
export { childSize, type ChildSize } from './child/size.ts';
export { CHILD_PRESETS, type ChildPreset, type PresetName } from './child/presets.ts';
export {
  type ChildStep,
  type ChildTrainingConfig,
  type ChildTrainingOptions,
  scoreChild,
  trainChild,
  type TrainedEpoch,
} from './child/training.ts';
export {
  cellSides,
  combinedCosts,
  type Cost,
  costTable,
  type CostTable,
  genotypeCost,
  largestCost,
  operationCost,
  relativeWeights,
  type Resource,
  RESOURCES,
  type ResourceWeights,
} from './cost/cost.ts';
export { countCost, type CountedCost, type CountedOperation, type Priced } from './cost/counted.ts';
export { drawCell, drawEvolution, drawGenotype } from './space/draw.ts';
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
export { genotypeFromJson, parseGenotype, printGenotype } from './space/genotype-literal.ts';
export {
  activeEdges,
  CELL_TYPES,
  type CellEdge,
  type CellType,
  type ChildOperation,
  cellOf,
  checkGenotype,
  edgesOf,
  type Genotype,
  type GenotypeEdge,
  genotypeFromChoices,
  nodeCount,
  oneHotOf,
  type OperationName,
  operationNumber,
  OPERATIONS,
  OTHER_OPERATIONS,
} from './space/genotype.ts';
export { RUN_KEYS, SEARCH_KEYS, TRAINING_KEYS } from './keys.ts';
export { childLatency, type Latency, type LatencyOptions } from './cost/latency.ts';
export {
  cellShapes,
  cellTypes,
  ChildNetwork,
  type ChildOptions,
  inherit,
  Supernet,
  type SupernetOptions,
} from './space/network.ts';
export { type NetworkConfig, type SupernetSize, supernetSize } from './space/network-config.ts';
export { FactorizedReduce, operation } from './space/operations.ts';
export { type Preset, PRESETS } from './search/presets.ts';
export { genotype, PUBLISHED_LITERALS, PUBLISHED_NAMES, type PublishedName } from './space/published.ts';
export { type LatencyUnit, type MeasuredLatencyOptions, measuredLatency, RelativeLatency } from './cost/relative-latency.ts';
export { type ArchitectureInit, architectureParameters, pathwiseGradients } from './strategies/log-alpha.ts';
export { argmaxGenotype, meanEntropy } from './strategies/probabilities.ts';
export { Snas, type SnasOptions } from './strategies/snas.ts';
export { type LocateStepOptions, type NonFiniteStep, Search } from './search/search.ts';
export type { ChildScore, EpochMetrics, RunOptions, SearchConfig, SearchData, SearchOptions, StepReport } from './search/config.ts';
export type { CellWeights } from './space/cell-weights.ts';
export type { ArchitectureStrategy, BilevelProblem, Feedback, StrategyInputs, StrategyStep } from './strategies/strategy.ts';
