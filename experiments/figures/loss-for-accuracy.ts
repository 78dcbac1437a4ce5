/** @file Equation 3: whether the loss in the place of the accuracy changes what is best, over every architecture of a small space. */
import { foldIn, key, normals, uniforms } from 'reparam';
import { strategy } from 'reparam/baselines';
import { above, below, spearman } from 'reparam/credit';
import { splitDataset } from 'reparam/data';
import { loadData } from 'reparam/data/node';
import { lineChart } from 'reparam/plot';
import { PRESETS, Search, SPACES } from 'reparam/snas';
import { type Experiment, experiment, type ExperimentContext, type Measured, type Report, type ScaleName } from './experiment.ts';
import { dataTitle } from './settings.ts';
import { softmax } from './softmax.ts';
import { overSeeds, part, show } from './verdict.ts';

/** Shared weights of one seed, and what each architecture has under them. */
interface Enumerated {
  readonly seed: number;
  /** Options of each choice; the last choice changes fastest in the lists. */
  readonly sizes: readonly number[];
  readonly losses: readonly number[];
  readonly accuracies: readonly number[];
}

const SIZES: Readonly<
  Record<ScaleName, { readonly trainImages: number; readonly validationImages: number; readonly epochs: number }>
> = {
  smoke: { trainImages: 64, validationImages: 32, epochs: 1 },
  default: { trainImages: 2000, validationImages: 1000, epochs: 4 },
  paper: { trainImages: 20_000, validationImages: 10_000, epochs: 20 },
};
/** 3 activations by 4 widths in each of two layers: 144 architectures. */
const SPACE = { width: 12, layers: 2 } as const;
/** Distributions over which E[L] and E[accuracy] are compared. */
const DISTRIBUTIONS = 200;

async function enumerateSeed(context: ExperimentContext, seed: number): Promise<Enumerated> {
  const { trainImages, validationImages, epochs } = SIZES[context.scale];
  const data = await loadData(context.data);
  const [train, validation] = splitDataset(data.train, [trainImages, validationImages], key(seed));
  const { trainImages: _train, validationImages: _validation, ...settings } = PRESETS.small;
  const search = new Search(
    context.device,
    { ...settings, seed, epochs, weights: { ...settings.weights, lr: 0.05 } },
    { train, validation },
    {
      space: SPACES['mlp']!.make(SPACE),
      strategy: (space) => strategy('random', context.device, key(seed), space),
    },
  );
  try {
    for await (const _epoch of search.run()) continue;
    const { choices } = search.space.layout;
    const sizes = choices.map((c) => c.options.length);
    const losses: number[] = [];
    const accuracies: number[] = [];
    for (let code = 0; code < sizes.reduce((a, b) => a * b, 1); code++) {
      const picked = digits(code, sizes);
      const { loss, accuracy } = await search.childScore(
        validation,
        Object.fromEntries(choices.map((c, i) => [c.name, c.options[picked[i]!]!])),
      );
      losses.push(loss);
      accuracies.push(accuracy);
    }
    context.say(
      `seed ${seed}: ${losses.length} architectures, losses ${Math.min(...losses).toFixed(3)} to ${Math.max(...losses).toFixed(3)}`,
    );
    return { seed, sizes, losses, accuracies };
  } finally {
    search.dispose();
  }
}

function digits(code: number, sizes: readonly number[]): number[] {
  const found: number[] = [];
  let rest = code;
  for (const size of sizes.toReversed()) {
    found.unshift(rest % size);
    rest = Math.floor(rest / size);
  }
  return found;
}

/** E[L] and E[accuracy] under random factorised distributions, from nearly uniform ones to nearly one-hot ones. */
function expectations({ seed, sizes, losses, accuracies }: Enumerated): { readonly loss: number; readonly accuracy: number }[] {
  const total = sizes.reduce((a, b) => a + b, 0);
  const sharpness = uniforms(foldIn(key(seed), 1), DISTRIBUTIONS);
  return Array.from({ length: DISTRIBUTIONS }, (_, d) => {
    const logits = [...normals(foldIn(foldIn(key(seed), 2), d), total)].map((v) => v * 8 * sharpness[d]!);
    let start = 0;
    const rows = sizes.map((size) => softmax(logits.slice(start, (start += size))));
    const weights = losses.map((_loss, code) => digits(code, sizes).reduce((p, k, c) => p * rows[c]![k]!, 1));
    const mean = (values: readonly number[]): number => values.reduce((s, v, i) => s + v * weights[i]!, 0);
    return { loss: mean(losses), accuracy: mean(accuracies) };
  });
}

async function measure(context: ExperimentContext): Promise<Measured<readonly Enumerated[]>> {
  const { trainImages, validationImages, epochs } = SIZES[context.scale];
  const data: Enumerated[] = [];
  for (const seed of context.seeds) data.push(await enumerateSeed(context, seed));
  return {
    setting: `${dataTitle(context.data)}, perceptrons of two layers with 144 architectures that share weights (${trainImages} training images, ${epochs} epochs of uniform draws), all scored on ${validationImages} validation images`,
    data,
  };
}

function report({ data }: Measured<readonly Enumerated[]>): Report {
  const all = data.map(expectations);
  const agreement = all.map((list) =>
    spearman(
      list.map((e) => -e.loss),
      list.map((e) => e.accuracy),
    ),
  );
  const architectures = data.map(({ losses, accuracies }) =>
    spearman(
      losses.map((l) => -l),
      accuracies,
    ),
  );
  const regret = data.map(({ losses, accuracies }) => Math.max(...accuracies) - accuracies[losses.indexOf(Math.min(...losses))]!);
  return {
    findings: [
      {
        id: 'objective',
        claim: 'The loss in the place of the accuracy does not change the objective in essence (equation 3).',
        seen: `Over ${DISTRIBUTIONS} random factorised distributions a seed, from nearly uniform to nearly one-hot. Between single architectures the rank correlation is ${show(overSeeds(architectures, { range: [-1, 1] }))}.`,
        parts: [
          part('rank correlation of -E[L] and E[accuracy]', agreement, above(0.9)),
          part('accuracy that the architecture of least loss has less than the most accurate', regret, below(0.01), 4),
        ],
      },
    ],
    pictures: {
      '': lineChart({
        title: 'Expected accuracy by expected loss',
        description: `Each line joins ${DISTRIBUTIONS} distributions over the same 144 architectures, in the order of their expected loss; a falling line means that they agree.`,
        xLabel: 'E[L], nats',
        yLabel: 'E[accuracy]',
        series: all.map((list, i) => ({
          name: `seed ${data[i]!.seed}`,
          points: list.toSorted((a, b) => a.loss - b.loss).map((e) => ({ x: e.loss, y: e.accuracy })),
        })),
      }),
    },
  };
}

export const lossExperiment: Experiment = experiment({
  name: 'eq3',
  figure: 'equation 3',
  summary: 'the loss in the place of the accuracy, over every architecture of a small space',
  plan: 'Stopping rule: the seeds asked for, eight for the published run. Margins: a rank correlation above 0.9, and an accuracy within a point of the best, change nothing in essence.',
  measure,
  report,
});
