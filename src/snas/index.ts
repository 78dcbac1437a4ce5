/** @file The public names of reparam/snas: search space, networks, relaxation, cost and search. */
export { type BlackBox, BlackBoxCost, type BlackBoxFactory, type BlackBoxOptions } from './black-box.ts';
export { type CellContext, type EdgeTrace, MixedCell, ChildCell, type PathMask } from './cell.ts';
export { childSize, type ChildSize } from './child-size.ts';
export { CHILD_PRESETS, type ChildPreset } from './child-presets.ts';
export {
  type ChildStep,
  type ChildTrainingConfig,
  type ChildTrainingOptions,
  scoreChild,
  trainChild,
  type TrainedEpoch,
} from './child-training.ts';
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
} from './cost.ts';
export { drawCell, drawEvolution, drawGenotype } from './draw.ts';
export { ETA_PRESETS, type EtaPreset } from './eta-presets.ts';
export { batchNorms, correctCount, recomputeStatistics, score, type Score, withBatchStatistics } from './evaluation.ts';
export * from './expected-cost.ts';
export { genotypeFromJson, parseGenotype, printGenotype } from './genotype-literal.ts';
export {
  activeEdges,
  type CellEdge,
  type CellType,
  cellOf,
  checkGenotype,
  edgesOf,
  type Genotype,
  type GenotypeEdge,
  genotypeFromChoices,
  nodeCount,
  oneHotOf,
  type OperationName,
  OPERATIONS,
} from './genotype.ts';
export { childLatency, type Latency, type LatencyOptions } from './latency.ts';
export {
  cellShapes,
  cellTypes,
  ChildNetwork,
  type ChildOptions,
  inherit,
  type NetworkConfig,
  Supernet,
  type SupernetOptions,
} from './network.ts';
export { FactorizedReduce, operation } from './operations.ts';
export { type Preset, type PresetName, PRESETS } from './presets.ts';
export { genotype, PUBLISHED_LITERALS, PUBLISHED_NAMES, type PublishedName } from './published.ts';
export { type LatencyUnit, type MeasuredLatencyOptions, measuredLatency, RelativeLatency } from './relative-latency.ts';
export { architectureParameters, argmaxGenotype, meanEntropy, pathwiseGradients, Snas, type SnasOptions } from './relaxation.ts';
export { Search } from './search.ts';
export type { ChildScore, EpochMetrics, RunOptions, SearchConfig, SearchData, SearchOptions, StepReport } from './search-config.ts';
export type { ArchitectureStrategy, BilevelProblem, CellWeights, Feedback, StrategyStep } from './strategy.ts';
