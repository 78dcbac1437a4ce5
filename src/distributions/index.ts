/** @file The public names of reparam/distributions: stochastic nodes. */
export { categoricalEntropy } from './categorical.ts';
export { type ConcreteSample, RelaxedOneHotCategorical, type RelaxedOneHotCategoricalOptions } from './concrete.ts';
export {
  gumbelMax,
  type GumbelMaxOptions,
  gumbelSoftmax,
  type GumbelSoftmaxOptions,
  type NoiseSource,
  oneHotArgmax,
  straightThrough,
} from './gumbel.ts';
