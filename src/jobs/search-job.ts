/** @file One search, as data: what to run, and what came out. A process of its own can run it. */
import type { StrategyName } from '../baselines/index.ts';
import { splitDataset } from '../data/index.ts';
import { loadData } from '../data/files.node.ts';
import { OptionError } from '../contract/errors.ts';
import type { StopSignal } from '../contract/stop-signal.ts';
import type { Device } from '../core/tensor.ts';
import type { BudgetLimits, BudgetReport } from '../snas/cost/budget.ts';
import { spaceCost } from '../snas/cost/space-table.ts';
import { architectureGenotype } from '../snas/spaces/darts/choices.ts';
import type { Genotype } from '../snas/spaces/darts/genotype.ts';
import type { NetworkConfig } from '../snas/spaces/darts/network-config.ts';
import type { Architecture } from '../snas/space/architecture.ts';
import { hostRows } from '../snas/space/layout.ts';
import { argmaxArchitecture, withProbabilities } from '../snas/strategies/probabilities.ts';
import { Search } from '../snas/search/search.ts';
import type { EpochMetrics, SearchConfig } from '../snas/search/config.ts';
import { foldIn, key } from '../core/random.ts';
import { RUN_KEYS } from '../snas/keys.ts';
import { chooseCandidate, strategyFor } from './strategies.ts';

export interface SearchJob {
  readonly strategy: StrategyName;
  readonly config: SearchConfig & { readonly network: NetworkConfig };
  readonly data: string;
  readonly trainImages: number;
  readonly validationImages: number;
  /** Steps between genotypes kept for a film of the search; 0 keeps none. */
  readonly frameEvery: number;
  /** Random search: how many drawn architectures are scored on validation images at the end, the best being the child. Default: the first draw. */
  readonly candidates?: number;
  /** What the child may have at most; its price is adapted in every step. */
  readonly budget?: BudgetLimits;
  /** Whether the child of the same alpha is named and scored by both rules: the argmax of all options, and the space's strongest (top-2, never `none`). */
  readonly decodings?: boolean;
}

/** A child by one rule, with its validation accuracy, not retrained. */
export interface DecodedChild {
  readonly genotype: Genotype;
  readonly accuracy: number;
}

export interface SearchRun {
  readonly job: SearchJob;
  readonly epochs: readonly Omit<EpochMetrics, 'imagesPerSecond'>[];
  readonly genotype: Genotype;
  /** Validation accuracy of the child with the supernet's own running statistics instead of recomputed ones. */
  readonly childWithRunningStatistics: number;
  /** Validation accuracy of the child at the end. Absent in runs kept by an earlier version: there it is the last epoch's. */
  readonly childAccuracy?: number;
  /** Validation accuracies of a random search's candidates. */
  readonly candidates?: readonly number[];
  /** Where the job asked for it: the children of one alpha. */
  readonly decodings?: { readonly argmax: DecodedChild; readonly strongest: DecodedChild };
  /** What came of a budget's limits, and how many choices were changed to keep to it. */
  readonly budget?: { readonly limits: readonly BudgetReport[]; readonly changed: number };
  readonly frames: readonly { readonly step: number; readonly genotype: Genotype }[];
  readonly seconds: number;
}

export interface SearchJobOptions {
  readonly onEpoch?: (epoch: EpochMetrics) => void;
  /** Ends the search after the step that is under way, by throwing the signal's reason. */
  readonly signal?: StopSignal | undefined;
}

/** Runs one search. Costs are relative: 1 is the most expensive network, the three resources counting equally. */
export async function runSearchJob(device: Device, job: SearchJob, options: SearchJobOptions = {}): Promise<SearchRun> {
  const started = performance.now();
  const { config } = job;
  const { onEpoch, signal } = options;
  const { train: all } = await loadData(job.data);
  const [train, validation] = splitDataset(all, [job.trainImages, job.validationImages], foldIn(key(config.seed), RUN_KEYS.split));
  const search = new Search(
    device,
    config,
    { train, validation },
    {
      strategy: (space) => strategyFor(job.strategy, device, config.seed, space),
      cost: (space) => spaceCost(space, { parameters: 1, flops: 1, memory: 1 }),
      ...(job.budget && { budget: job.budget }),
    },
  );
  const genotypeOf = (architecture: Architecture): Genotype => architectureGenotype(architecture, config.network.nodes ?? 4);
  const frames: { step: number; genotype: Genotype }[] = [];
  const epochs: Omit<EpochMetrics, 'imagesPerSecond'>[] = [];
  try {
    const afterStep = async (step: number): Promise<void> => {
      if (job.frameEvery > 0 && (step === 1 || step % job.frameEvery === 0))
        frames.push({ step, genotype: genotypeOf(await search.strategy.derive()) });
    };
    for await (const epoch of search.run({ afterStep, ...(signal && { signal }) })) {
      onEpoch?.(epoch);
      const { imagesPerSecond: _speed, ...figures } = epoch;
      epochs.push(figures);
    }
    const candidates = await chooseCandidate(search, job.candidates ?? 0);
    const scores = await search.childScores(validation);
    const report = await search.budgetReport();
    return {
      job,
      epochs,
      genotype: genotypeOf(scores.architecture),
      childWithRunningStatistics: scores.accuracyWithRunningStatistics,
      childAccuracy: scores.accuracy,
      ...(candidates.length > 0 && { candidates }),
      ...(job.decodings && { decodings: await decode(search, genotypeOf) }),
      ...(report && { budget: { limits: report.limits, changed: report.changed.length } }),
      frames,
      seconds: (performance.now() - started) / 1000,
    };
  } finally {
    search.dispose();
  }
}

/** The children of one alpha by both rules. */
async function decode(
  search: Search,
  genotypeOf: (architecture: Architecture) => Genotype,
): Promise<Required<SearchRun>['decodings']> {
  const { layout, definition } = search.space;
  const { strongest } = definition;
  if (!strongest) throw new OptionError(`decodings: the space ${definition.name} has no rule for the strongest options`);
  const score = async (architecture: Architecture): Promise<DecodedChild> => ({
    genotype: genotypeOf(architecture),
    accuracy: (await search.childScore(search.data.validation, architecture)).accuracy,
  });
  const [argmax, top] = await withProbabilities(search.strategy, async (p) => [
    await argmaxArchitecture(layout, p),
    strongest(await hostRows(layout, p)),
  ]);
  return { argmax: await score(argmax), strongest: await score(top) };
}
