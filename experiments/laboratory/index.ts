/** @file The credit laboratory: small networks and processes on which credits and estimators are judged by an exact answer. */
export { chainCurves, type ChainCurve, chainEpisodes, type EpisodesByDepth, tableMethods, treeEpisodes } from './delayed/curves.ts';
export { chainFamilies, type ChainFamily, type DeepChain, deepChain, type DeepChainOptions } from './delayed/deep-chain.ts';
export { Lstm, type LstmOptions } from './delayed/lstm.ts';
export { depthInstances, type DepthInstance, type DepthOptions } from './delayed/depth.ts';
export { creditRace, type RaceOptions, type RacePoint, rudderValues } from './delayed/race.ts';
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
  ORIGINAL,
  OURS,
  watchEpisode,
  type WatchMethod,
  watchMethods,
  type WatchOptions,
  type WatchResult,
  type WatchSetting,
} from './delayed/watch-repair.ts';
export { unequalLogits } from './instances.ts';
export { quantile, quantiles, type Quantiles, showQuantiles } from './quantiles.ts';
export { batchNormFixture } from './identity/batch-norm.ts';
export { type IdentityReport, type IdentityTest, monteCarloIdentity, type MonteCarloOptions } from './identity/monte-carlo.ts';
export { edgeObjective, tiedChainObjective } from './identity/objectives.ts';
export { type GateObjective, identityTerms, type IdentityTerms } from './identity/quadrature.ts';
