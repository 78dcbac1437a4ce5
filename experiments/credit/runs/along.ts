/** @file `npm run credit -- along`: how credits order places, and how many have the wrong sign, from step to step of searches. */
import { cpu } from 'reparam';
import { interval } from 'reparam/credit';
import { lineChart } from 'reparam/plot';
import { markdownTable, textTable } from 'reparam/command';
import { show, writeResults } from '../report.ts';
import { type Agreement, auditDraws, loadAuditable } from './draws.ts';
import { medianText } from './quantiles.ts';

export interface AlongFlags {
  readonly run: readonly string[];
  readonly draws: number;
  readonly images: number;
  readonly seed: number;
  readonly out: string;
}

interface Measured {
  readonly run: number;
  readonly step: number;
  readonly temperature: number;
  readonly places: readonly Agreement[];
  readonly choices: readonly Agreement[];
}

export async function runAlong(flags: AlongFlags, say: (line: string) => void): Promise<void> {
  const started = performance.now();
  const measured: Measured[] = [];
  for (const [index, folder] of flags.run.entries()) {
    using run = await loadAuditable(folder, cpu({ dtype: 'float32' }));
    for (const step of run.steps) {
      await run.load(step);
      const draws = await auditDraws(run, { draws: flags.draws, images: flags.images, seed: flags.seed + index });
      measured.push({
        run: index,
        step,
        temperature: run.temperature,
        places: draws.map((d) => d.places),
        choices: draws.map((d) => d.choices),
      });
      say(`${folder}, step ${step}: rank correlation ${medianText(draws.map((d) => d.places.rank))}`);
    }
  }
  const steps = [...new Set(measured.map((m) => m.step))].sort((a, b) => a - b);
  const of = (step: number, part: 'places' | 'choices', what: keyof Agreement): number[] =>
    measured.filter((m) => m.step === step).flatMap((m) => m[part].map((a) => a[what]));
  const rows = [
    ['step', 'temperature', 'rank, place', 'wrong signs, place', 'rank, choice', 'wrong signs, choice', 'n'],
    ...steps.map((step) => [
      String(step),
      show(measured.find((m) => m.step === step)!.temperature, 2),
      medianText(of(step, 'places', 'rank')),
      medianText(of(step, 'places', 'wrongSigns')),
      medianText(of(step, 'choices', 'rank')),
      medianText(of(step, 'choices', 'wrongSigns')),
      String(of(step, 'places', 'rank').length),
    ]),
  ];
  say(textTable(rows));
  // Draws of one run share its weights: the runs are what is independent.
  const change = (what: keyof Agreement): string => {
    const means = (m: Measured | undefined): number => {
      const values = m?.places.map((a) => a[what]) ?? [NaN];
      return values.reduce((a, b) => a + b, 0) / values.length;
    };
    const differences = flags.run.map((_, r) => {
      const mine = measured.filter((m) => m.run === r);
      return means(mine.at(-1)) - means(mine[0]);
    });
    const { mean, low, high, n } = interval(differences);
    return `${show(mean, 2)} [${show(low, 2)}, ${show(high, 2)}], n = ${n} runs`;
  };
  const changes = `From the first to the last step, mean over draws, paired by run (Student's 95 %): rank correlation ${change('rank')}; share of wrong signs ${change('wrongSigns')}.`;
  say(changes);
  const seconds = (performance.now() - started) / 1000;
  await writeResults({
    out: flags.out,
    name: 'credit-along',
    command: `npm run credit -- along --run ${flags.run.join(' ')} --draws ${flags.draws} --images ${flags.images} --seed ${flags.seed}`,
    seconds,
    on: 'float32 on the CPU',
    data: { runs: flags.run, measured },
    markdown: [
      '# Credits along training',
      'First-order credits R against exact ones at kept steps of searches, Z at the temperature of the step: medians [quartiles] over draws of Z and batch and over runs. By place: ablation of the place; by choice: of all its places at once.',
      markdownTable(rows),
      changes,
    ].join('\n\n'),
    pictures: {
      '': lineChart({
        title: 'How first-order credits stand to exact ones, along a search',
        description: `Rank correlation and share of wrong signs at ${steps.length} steps, mean over ${flags.run.length} searches and ${flags.draws} draws each, with Student's 95 % interval over all.`,
        xLabel: 'step',
        yLabel: 'correlation; share',
        yInclude: [0, 1],
        series: (['places', 'choices'] as const).flatMap((part) =>
          (['rank', 'wrongSigns'] as const).map((what) => ({
            name: `${what === 'rank' ? 'rank correlation' : 'wrong signs'}, by ${part === 'places' ? 'place' : 'choice'}`,
            points: steps.map((step) => {
              const { mean, low, high } = interval(of(step, part, what), { range: what === 'rank' ? [-1, 1] : [0, 1] });
              return { x: step, y: mean, low, high };
            }),
          })),
        ),
      }),
    },
  });
  say(`written to ${flags.out}/credit-along.* in ${seconds.toFixed(0)} s`);
}
