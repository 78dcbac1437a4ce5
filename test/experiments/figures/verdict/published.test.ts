/** @file Every interval that docs/ publishes of the figures and of watch repair is the one that the data in docs/results give. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { overSeeds, show } from '../../../../experiments/figures/verdict.ts';
import { interval } from '../../../../src/credit/index.ts';
import { cpu, key } from '../../../../src/index.ts';
import {
  activeEdges,
  CELL_TYPES,
  costTable,
  darts,
  type Genotype,
  genotypeArchitecture,
  networkContext,
  SearchSpace,
} from '../../../../src/snas/index.ts';

const docs = fileURLToPath(new URL('../../../../docs/', import.meta.url));
const read = (name: string): string => readFileSync(docs + name, 'utf8');
const dataOf = (figure: string): unknown => (JSON.parse(read(`results/${figure}.json`)) as { data: unknown }).data;

/** One value a seed. */
type Sample = readonly number[];

interface Run {
  readonly seed: number;
  readonly eta: number;
  readonly epochs: readonly { readonly [name: string]: number }[];
  readonly genotype: Genotype;
  readonly childWithRunningStatistics: number;
  readonly frames: readonly { readonly genotype: Genotype }[];
}

interface Trained {
  readonly parameters: number;
  readonly multiplyAdds: number;
  readonly error: number;
  readonly childWithoutRetraining?: number;
}

const minus = (a: Sample, b: Sample): number[] => a.map((v, i) => v - b[i]!);
/** The samples themselves and every paired difference of two. */
const withDifferences = (samples: readonly Sample[]): Sample[] => [
  ...samples,
  ...samples.flatMap((a) => samples.filter((b) => b.length === a.length).map((b) => minus(a, b))),
];

function live(genotype: Genotype): { readonly edges: number; readonly nodes: number } {
  const edges = CELL_TYPES.map((type) => activeEdges(genotype, type));
  return { edges: edges.flat().length, nodes: edges.reduce((n, list) => n + new Set(list.map((e) => e.to)).size, 0) };
}

const searched = (figure: string): Sample[] => {
  const runs = Object.values(dataOf(figure) as Record<string, readonly Run[]>);
  const last = (name: string): Sample[] => runs.map((list) => list.map((r) => r.epochs.at(-1)![name]!));
  const mean = (r: Run): number => r.epochs.reduce((s, e) => s + e['parentAccuracy']!, 0) / r.epochs.length;
  const entropyFell = runs.map((list) => list.map((r) => r.epochs[0]!['entropy']! - r.epochs.at(-1)!['entropy']!));
  const loss = runs.map((list) => list.map((r) => r.epochs.at(-1)!['parentAccuracy']! - r.epochs.at(-1)!['childAccuracy']!));
  const running = runs.map((list) => list.map((r) => r.childWithRunningStatistics));
  return [
    ...withDifferences([...last('parentAccuracy'), ...last('childAccuracy')]),
    ...withDifferences(last('entropy')),
    ...withDifferences(loss),
    ...withDifferences(runs.map((list) => list.map(mean))),
    ...entropyFell,
    ...running,
  ];
};

const retrained = (figure: string): Sample[] => {
  const rows = dataOf(figure) as Record<string, readonly Trained[]>;
  const errors = Object.values(rows).map((row) => row.map((t) => 100 * t.error));
  const drawn = rows['random']!.map((t, i) => (100 * t.error + 100 * rows['uniform alpha']![i]!.error) / 2);
  return [
    ...withDifferences([...errors, drawn]),
    ...Object.values(rows).flatMap((row) => [row.map((t) => t.parameters), row.map((t) => t.multiplyAdds)]),
    ...Object.values(rows).flatMap((row) => {
      const inherited = row.flatMap((t) => (t.childWithoutRetraining === undefined ? [] : [100 * (1 - t.childWithoutRetraining)]));
      return inherited.length > 0 ? [inherited] : [];
    }),
  ];
};

const SAMPLES: Readonly<Record<string, () => Sample[]>> = {
  'eq18-19': () => {
    const networks = dataOf('eq18-19') as readonly {
      variant: string;
      rows: readonly { expectedLoss: number; lossOfExpectation: number }[];
    }[];
    const variants = [...new Set(networks.map((n) => n.variant))];
    return variants.flatMap((variant) =>
      networks[0]!.rows.map((_, s) =>
        networks
          .filter((n) => n.variant === variant)
          .map(({ rows }) => Math.abs(rows[s]!.expectedLoss - rows[s]!.lossOfExpectation)),
      ),
    );
  },
  fig9: () => searched('fig9'),
  fig10: () => searched('fig10'),
  fig11: () => searched('fig11'),
  fig12: () => {
    const { runs } = dataOf('fig12') as { runs: readonly Run[] };
    return [0.25, 0.5, 1].map((part) =>
      runs.map(({ frames }) => 18 - live(frames[Math.min(frames.length - 1, Math.floor(frames.length * part))]!.genotype).edges),
    );
  },
  'fig13-15': () => {
    const { etas, runs } = dataOf('fig13-15') as { etas: readonly number[]; runs: readonly Run[] };
    const context = networkContext(cpu(), key(0), { shape: [1, 28, 28], classes: 10 });
    const table = costTable(new SearchSpace(darts({ channels: 4, cells: 3, nodes: 3, stemStride: 2 }), context));
    return etas.flatMap((eta) => {
      const list = runs.filter((r) => r.eta === eta);
      return [
        list.map((r) => r.epochs.at(-1)!['expectedCost']!),
        list.map((r) => r.epochs.at(-1)!['childAccuracy']!),
        list.map((r) => live(r.genotype).edges),
        list.map((r) => live(r.genotype).nodes),
        list.map((r) => table.of(genotypeArchitecture(r.genotype)).parameters),
      ];
    });
  },
  fig16: () => retrained('fig16'),
  fig17: () => retrained('fig17'),
};

const DIGITS = [0, 1, 2, 3, 4];
const texts = (samples: readonly Sample[]): Set<string> =>
  new Set(samples.flatMap((s) => DIGITS.map((digits) => show(overSeeds(s), digits))));

describe.each(Object.keys(SAMPLES))('%s', (figure) => {
  it('prints the intervals of its data', () => {
    const given = texts(SAMPLES[figure]!());
    const published = read(`results/${figure}.md`).match(/-?[\d.]+ \[-?[\d.]+, -?[\d.]+\], n = \d+/g) ?? [];
    expect(published.length).toBeGreaterThan(2);
    expect(published.filter((text) => !given.has(text))).toEqual([]);
  });
});

it('docs/snas.md quotes no other intervals, but for two comparisons at three seeds whose data are not kept', () => {
  const given = new Set(
    Object.values(SAMPLES).flatMap((samples) => [...texts(samples())].map((text) => /\[.*\]/.exec(text)?.[0] ?? text)),
  );
  const quoted = read('snas.md').match(/\[-?[\d.]+, -?[\d.]+\]/g) ?? [];
  expect(quoted.length).toBeGreaterThan(10);
  expect(quoted.filter((text) => !given.has(text))).toEqual(['[-0.27, 1.13]', '[-2.47, 3.29]']);
});

it('watch repair prints the intervals of the logarithms of its episodes', () => {
  const { watch } = JSON.parse(read('results/credit-delayed.json')) as { watch: readonly { method: string; episodes: number }[] };
  const page = read('results/credit-delayed.md');
  for (const method of new Set(watch.map((w) => w.method))) {
    const { mean, low, high } = interval(watch.filter((w) => w.method === method).map((w) => Math.log(w.episodes)));
    const [m, l, h] = [mean, low, high].map((v) => Math.exp(v).toFixed(0));
    expect(page).toContain(`${m} [${l}, ${h}]`);
  }
});
