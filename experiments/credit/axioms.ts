/** @file `npm run credit -- axioms`: which credits keep which axioms, and how far each is from an exact policy gradient. */
import { cpu } from 'reparam';
import { markdownTable, textTable } from 'reparam/command';
import { type HeadName, interval } from 'reparam/credit';
import { type AxiomName, axiomNames, axioms } from '../laboratory/axioms/axioms.ts';
import { COST, matrixCredits } from '../laboratory/axioms/credits.ts';
import { creditDistances, type Distance } from '../laboratory/axioms/distance.ts';
import { showGame } from '../laboratory/axioms/games.ts';
import { matrixCells } from '../laboratory/axioms/matrix.ts';
import { show, writeResults } from './report.ts';

export interface AxiomFlags {
  readonly networks: number;
  readonly search: number;
  readonly out: string;
}

const HEADS: readonly HeadName[] = ['softmax', 'quadratic', 'tanh', 'relu'];

export async function runAxioms(flags: AxiomFlags, say: (line: string) => void): Promise<void> {
  const started = performance.now();
  const device = cpu();
  const cells = matrixCells();
  const counterexamples = cells.flatMap((cell) => (cell.counterexample ? [{ ...cell, game: cell.counterexample }] : []));
  const violations: number[] = [];
  for (const { credit, axiom, game } of counterexamples)
    violations.push(await axioms.find(({ name }) => name === axiom)!.violation(device, credit, game));
  const cell = (credit: string, axiom: AxiomName): string => {
    const at = counterexamples.findIndex((c) => c.credit.name === credit && c.axiom === axiom);
    return at < 0 ? 'holds' : `no (${at + 1})`;
  };
  const matrix = [
    ['credit', ...axiomNames, 'passes'],
    ...matrixCredits.map(({ name, kind }) => [name, ...axiomNames.map((axiom) => cell(name, axiom)), COST[kind]]),
  ];
  say('Credits by axioms; a number in brackets is that of the smallest counterexample:');
  say(textTable(matrix));
  const said = [['axiom', 'says'], ...axioms.map(({ name, says }) => [name, says])];
  const games = [
    ['', 'credit', 'axiom', 'the smallest network on which it fails', 'violation'],
    ...counterexamples.map(({ credit, axiom, game }, i) => [
      String(i + 1),
      credit.name,
      axiom,
      showGame(game),
      show(violations[i]!),
    ]),
  ];
  say(`\nCounterexamples, replayed:\n${textTable(games)}`);
  const proofs = [
    ['axiom', 'credits', 'proof'],
    ...axiomNames.flatMap((axiom) => {
      const held = cells.filter((c) => c.axiom === axiom && c.proof !== undefined);
      return [...new Set(held.map(({ proof }) => proof!))].map((proof) => [
        axiom,
        held
          .filter((c) => c.proof === proof)
          .map(({ credit }) => credit.name)
          .join(', '),
        proof,
      ]);
    }),
  ];
  if (flags.search > 0) await searchAgain(flags.search, say);
  const distances: Distance[] = [];
  for (let i = 0; i < flags.networks; i++) {
    distances.push(...(await creditDistances(device, HEADS[i % HEADS.length]!, 1 + Math.floor(i / HEADS.length))));
  }
  const byCredit = distanceTable(distances);
  say(`\n${flags.networks} networks of 729 architectures, everything enumerated; median [10 %, 90 %]:`);
  say(textTable(byCredit));
  await writeResults({
    out: flags.out,
    name: 'credit-axioms',
    command: `npm run credit -- axioms --networks ${flags.networks}`,
    seconds: (performance.now() - started) / 1000,
    data: {
      counterexamples: counterexamples.map(({ credit, axiom, game }, i) => ({
        credit: credit.name,
        axiom,
        game,
        violation: violations[i],
      })),
      distances,
    },
    markdown: [
      '# Credits by axioms',
      markdownTable(matrix),
      markdownTable(said),
      '## Proofs',
      markdownTable(proofs),
      '## Counterexamples',
      'Each is the game that fast-check shrank to; `y` is the output of an edge, `n` the same after a norm.',
      markdownTable(games),
      '## Distance from an exact policy gradient',
      `${flags.networks} networks of 729 architectures (six edges, three operations; heads ${HEADS.join(', ')} in turn), everything enumerated.`,
      'Median and, in brackets, the 10 % and 90 % quantiles; distance and spread in lengths of the gradient.',
      markdownTable(byCredit),
    ].join('\n\n'),
    pictures: {},
  });
  say(`\nwritten to ${flags.out}/credit-axioms.* in ${((performance.now() - started) / 1000).toFixed(0)} s`);
}

/** What fast-check, a development dependency, finds now. */
async function searchAgain(runs: number, say: (line: string) => void): Promise<void> {
  const { smallestCounterexample } = await import('../laboratory/axioms/search.ts');
  const device = cpu();
  for (const credit of matrixCredits) {
    for (const axiom of axioms) {
      const game = await smallestCounterexample(device, credit, axiom, runs, 1);
      if (game) say(JSON.stringify({ credit: credit.name, axiom: axiom.name, game }));
    }
  }
}

function distanceTable(distances: readonly Distance[]): string[][] {
  const names = [...new Set(distances.map(({ credit }) => credit))];
  const told = (values: readonly number[]): string => {
    const sorted = values.toSorted((a, b) => a - b);
    const at = (q: number): number => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]!;
    return at(0.9) < 1e-9 ? '< 1e-9' : `${show(at(0.5))} [${show(at(0.1))}, ${show(at(0.9))}]`;
  };
  const mean = (values: readonly number[]): string => {
    const i = interval(values);
    return `${show(i.mean)} [${show(i.low)}, ${show(i.high)}]`;
  };
  return [
    ['credit', 'distance', 'its mean, 95 % interval', 'cosine', 'cosine below 0.9', 'spread of a sample'],
    ...names.map((name) => {
      const of = distances.filter(({ credit }) => credit === name);
      const wide = of.filter(({ cosine }) => cosine < 0.9).length;
      return [
        name,
        told(of.map((d) => d.distance)),
        told(of.map((d) => d.distance)) === '< 1e-9' ? '' : mean(of.map((d) => d.distance)),
        told(of.map((d) => d.cosine)),
        `${((100 * wide) / of.length).toFixed(0)} %`,
        told(of.map((d) => d.spread)),
      ];
    }),
  ];
}
