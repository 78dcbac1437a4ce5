/** @file `npm run credit -- swap --searches`: the seven updates in searches of the smoke preset. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { type Device, cpu, foldIn, grad, gumbels, key, mul, noGrad, scope } from 'reparam';
import { above, holm, interval, judgeMean } from 'reparam/credit';
import { disposeBatch, type LabelledImages, sourceOf, splitDataset, uploadExamples } from 'reparam/data';
import { loadData } from 'reparam/data/node';
import { Adam, clipGradNorm, cosine, SGD } from 'reparam/optim';
import { makeFolder, markdownTable, textTable, writeFileWhole } from 'reparam/command';
import { hostRows, PRESETS, RUN_KEYS, Search, SEARCH_KEYS, shippedSpace } from 'reparam/snas';
import { type Update, UPDATES } from '../../laboratory/swap/updates.ts';
import { show, writeResults } from '../report.ts';

export interface SearchFlags {
  readonly seed: number;
  readonly searchSeeds: number;
  readonly epochs: number;
  readonly out: string;
}

/** What a search came to. */
interface Ended {
  readonly child: number;
  readonly parent: number;
  readonly entropy: number;
}

export async function runSearches(flags: SearchFlags, say: (line: string) => void): Promise<void> {
  const started = performance.now();
  const device = cpu({ dtype: 'float32' });
  const file = path.join(flags.out, 'credit-swap-searches.parts.json');
  await makeFolder(flags.out);
  const known = await done(file);
  const results = new Map<Update, Ended[]>(UPDATES.map((update) => [update, []]));
  for (let s = 0; s < flags.searchSeeds; s++) {
    for (const update of UPDATES) {
      const name = JSON.stringify([update, flags.seed + s, flags.epochs]);
      const ended = known[name] ?? (await search(device, update, flags.seed + s, flags.epochs));
      known[name] = ended;
      results.get(update)!.push(ended);
      // What is done is not done again after an interruption.
      await writeFileWhole(file, JSON.stringify(known));
      say(`seed ${flags.seed + s}, ${update}: child ${show(ended.child)}, parent ${show(ended.parent)}`);
    }
  }
  const values = (update: Update, of: (e: Ended) => number): number[] => results.get(update)!.map(of);
  const text = (list: readonly number[], range: readonly [number, number]): string => {
    const { mean, low, high } = interval(list, { range });
    return `${show(mean)} [${show(low)}, ${show(high)}]`;
  };
  const rows = [
    ['update', 'child, validation', 'parent, validation', 'entropy', 'passes a step beside one forward and one backward'],
    ...UPDATES.map((u) => [
      u,
      text(
        values(u, (e) => e.child),
        [0, 1],
      ),
      text(
        values(u, (e) => e.parent),
        [0, 1],
      ),
      text(
        values(u, (e) => e.entropy),
        [0, Infinity],
      ),
      EXTRA[u],
    ]),
  ];
  const pairs: readonly (readonly [Update, Update])[] = [
    ['R', 'loss - mean'],
    ['pathwise', 'loss - mean'],
    ['pathwise', 'R'],
    ['group ablation', 'loss - mean'],
  ];
  const single = pairs.flatMap(([a, b]) =>
    (['parent', 'child'] as const).map((what) => ({
      what: `${a} ends with a better ${what} than ${b}`,
      ...judgeMean(
        values(a, (e) => e[what]).map((v, i) => v - values(b, (e) => e[what])[i]!),
        above(0),
      ),
    })),
  );
  const judged = holm(single);
  const claims = [
    ['claim', 'difference', '95 %', 'p (Holm)', 'verdict'],
    ...judged.map((j) => [j.what, show(j.estimate), `[${show(j.low)}, ${show(j.high)}]`, show(j.p), j.verdict]),
  ];
  say(textTable(rows));
  say(textTable(claims));
  const seconds = (performance.now() - started) / 1000;
  await writeResults({
    out: flags.out,
    name: 'credit-swap-searches',
    command: `npm run credit -- swap --searches --search-seeds ${flags.searchSeeds} --epochs ${flags.epochs} --seed ${flags.seed}`,
    seconds,
    on: 'float32 on the CPU',
    data: { results: Object.fromEntries(results), comparisons: judged },
    markdown: [
      '# Only the credit is exchanged: searches',
      `Searches of the smoke preset on MNIST, ${flags.epochs} epochs, ${flags.searchSeeds} seeds: the same supernet, images, noise, optimisers and schedules for all updates. Means with Student's 95 % interval over seeds; comparisons are paired by seed and corrected by Holm.`,
      markdownTable(rows),
      markdownTable(claims),
    ].join('\n\n'),
    pictures: {},
  });
}

/** The weights need one forward and one backward pass in every update. */
const EXTRA: Readonly<Record<Update, string>> = {
  loss: 'none',
  'loss - mean': 'none',
  R: 'none',
  pathwise: 'none',
  'place ablation': 'a forward pass a place',
  'group ablation': 'a forward pass a choice',
  COMA: 'a forward pass an option of each choice',
};

async function done(file: string): Promise<Record<string, Ended>> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Record<string, Ended>;
  } catch {
    return {};
  }
}

async function search(device: Device, update: Update, seed: number, epochs: number): Promise<Ended> {
  const { trainImages, validationImages, ...preset } = PRESETS.smoke;
  const { train: all } = await loadData('mnist');
  const [train, validation] = splitDataset(all, [trainImages, validationImages], foldIn(key(seed), RUN_KEYS.split));
  const config = { ...preset, epochs, seed };
  const darts = shippedSpace('darts')!;
  // For its parts and its scores; the steps are made here.
  using owner = new Search(device, config, { train, validation }, { space: darts.make(darts.presets['smoke'] ?? {}), eager: true });
  const { space, strategy } = owner;
  const { layout } = space;
  const logAlpha = strategy.sampled!;
  const weights = space.network.parameters();
  const sgd = new SGD(weights, config.weights);
  const adam = new Adam(logAlpha, config.architecture);
  const lr = cosine(config.weights.lr, config.weights.lrEnd, owner.steps);
  const source = sourceOf(train, { standardise: owner.statistics });
  const places = space.places([config.batchSize, ...source.shape]);
  let mean: number | undefined;
  let step = 0;
  for (let epoch = 0; epoch < epochs; epoch++) {
    const options = {
      batchSize: config.batchSize,
      key: foldIn(key(seed), SEARCH_KEYS.data),
      epoch,
      dropLast: true,
      training: true,
    };
    for (const batch of source.batches(options)) {
      const examples = uploadExamples(device, batch, source);
      const lambda = owner.temperatureOf(step);
      const noise = layout.toRows(layout.draw(foldIn(foldIn(key(seed), SEARCH_KEYS.noise), step), gumbels));
      const logits = await hostRows(layout, logAlpha);
      const z = logits.map((row, c) => softmax(row.map((l, k) => (l + noise[c]![k]!) / lambda)));
      const loss = (rows: readonly (readonly number[])[], cut?: number): Promise<number> => forward(owner, examples, rows, cut);
      const traced = scope(() => {
        const zt = layout.upload(device, layout.toMatrices(z));
        const total = owner.task.loss(space.forward(examples.images, zt), examples.labels);
        const found = grad(total, [...zt, ...weights], { unused: 'zeros' });
        return { total, slopes: found.slice(0, zt.length), gradients: found.slice(zt.length) };
      });
      const whole = await traced.total.item();
      const slopes = await hostRows(layout, traced.slopes);
      mean ??= whole;
      const costs: (number | undefined)[] = [];
      for (const c of layout.choices.keys()) {
        if (update === 'loss') costs.push(whole);
        else if (update === 'loss - mean') costs.push(whole - mean);
        else if (update === 'R') costs.push(z[c]!.reduce((sum, w, k) => sum + w * slopes[c]![k]!, 0));
        else if (update === 'group ablation')
          costs.push(whole - (await loss(z.map((row, d) => (d === c ? row.map(() => 0) : row)))));
        else if (update === 'place ablation') {
          let sum = 0;
          for (const [p, { choice }] of places.entries()) if (choice === c) sum += whole - (await loss(z, p));
          costs.push(sum);
        } else if (update === 'COMA') {
          const p = softmax(logits[c]!);
          let sum = whole;
          for (const k of p.keys())
            sum -= p[k]! * (await loss(z.map((row, d) => (d === c ? row.map((_, i) => (i === k ? 1 : 0)) : row))));
          costs.push(sum);
        } else costs.push(undefined);
      }
      mean += 0.05 * (whole - mean);
      const gradient = z.map((row, c) => {
        const cost = costs[c];
        if (cost === undefined) {
          const middle = row.reduce((sum, w, k) => sum + w * slopes[c]![k]!, 0);
          return row.map((w, k) => (w * (slopes[c]![k]! - middle)) / lambda);
        }
        return softmax(noise[c]!.map((g) => -g)).map((p) => (1 - row.length * p) * cost);
      });
      sgd.lr = lr(step);
      sgd.prepare();
      adam.prepare();
      scope(() => {
        adam.apply([...layout.upload(device, layout.toMatrices(gradient))]);
        sgd.apply(traced.gradients, { scale: clipGradNorm(traced.gradients, config.weights.clip).scale });
      });
      for (const t of [traced.total, ...traced.slopes, ...traced.gradients]) t.dispose();
      disposeBatch(examples);
      step++;
    }
  }
  owner.step = step;
  const child = await owner.childScore(validation);
  const parent = await owner.parentScore(validation);
  sgd.dispose();
  adam.dispose();
  return { child: child.accuracy, parent: parent.accuracy, entropy: await owner.entropy() };
}

/** The loss under Z, with a place cut or none. */
async function forward(
  { space, task, device }: Search,
  { images, labels }: LabelledImages,
  z: readonly (readonly number[])[],
  cut?: number,
): Promise<number> {
  const found = noGrad(() =>
    scope(() => {
      const outputs = space.forward(images, space.layout.upload(device, space.layout.toMatrices(z)), {
        tap: (place, output) => (place === cut ? mul(output, 0) : output),
      });
      return task.loss(outputs, labels);
    }),
  );
  return found.item().finally(() => found.dispose());
}

function softmax(row: readonly number[]): number[] {
  const most = Math.max(...row);
  const powers = row.map((v) => Math.exp(v - most));
  const total = powers.reduce((a, b) => a + b, 0);
  return powers.map((v) => v / total);
}
