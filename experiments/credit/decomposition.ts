/** @file `npm run credit -- decomposition`: redistributions of the return judged by exact differences of Q. */
import { cpu } from 'reparam';
import { above, below, type HeadName, holm, interval, type Judgement, judgeMean } from 'reparam/credit';
import { markdownTable, textTable } from 'reparam/command';
import { decompose, type DecompositionRow } from '../laboratory/delayed/decomposition.ts';
import { show, writeResults } from './report.ts';

export interface DecompositionFlags {
  readonly head: HeadName;
  readonly instances: number;
  readonly episodes: readonly number[];
  readonly lstmSteps: number;
  readonly out: string;
}

const CHOICES = 3;
const FIGURES = [
  ['correlation', 'correlation'],
  ['error', 'error'],
  ['future', 'expected future reward'],
  ['unassigned', 'return not assigned'],
  ['gradientError', 'error of the policy gradient'],
] as const;

interface Claim extends Judgement {
  readonly claim: string;
}

export async function runDecomposition(flags: DecompositionFlags, say: (line: string) => void): Promise<void> {
  const started = performance.now();
  const seconds = (): number => (performance.now() - started) / 1000;
  const { head: name, instances, episodes, lstmSteps } = flags;
  const rows = await decompose(cpu(), { head: name, choices: CHOICES, instances, episodes, lstmSteps }, (i) =>
    say(`process ${i}: done after ${seconds().toFixed(0)} s`),
  );
  const methods = [...new Set(rows.map((r) => r.method))];
  const of = (method: string): DecompositionRow[] => rows.filter((r) => r.method === method);
  const table = [
    ['redistribution', ...FIGURES.map(([, title]) => title)],
    ...methods.map((method) => [
      method,
      ...FIGURES.map(([field]) => {
        const values = of(method).map((r) => r[field]);
        if (values.every((v) => Math.abs(v - values[0]!) < 1e-9)) return show(Math.abs(values[0]!) < 1e-9 ? 0 : values[0]!, 2);
        const i = interval(values, { range: field === 'correlation' ? [-1, 1] : [0, Infinity] });
        return `${show(i.mean, 2)} [${show(i.low, 2)}, ${show(i.high, 2)}]`;
      }),
    ]),
  ];
  const rudder = methods.filter((m) => m.startsWith('RUDDER'));
  const first = 'R_ij at the sampled architecture';
  const paired = (a: string, b: string, field: 'correlation' | 'error' | 'gradientError'): number[] =>
    of(a).map((r, i) => r[field] - of(b)[i]![field]);
  const claims: Claim[] = holm(
    rudder.flatMap((name): Claim[] => [
      { claim: `${name}: closer to the exact differences than R_ij (error)`, ...judgeMean(paired(name, first, 'error'), below(0)) },
      { claim: `${name}: correlates with them more than R_ij`, ...judgeMean(paired(name, first, 'correlation'), above(0)) },
      {
        claim: `${name}: its policy gradient is less wrong than that of R_ij`,
        ...judgeMean(paired(name, first, 'gradientError'), below(0)),
      },
      {
        claim: `${name}: less than a tenth of the return's spread is still expected after a choice (return equivalence in full is 0)`,
        ...judgeMean(
          of(name).map((r) => r.future),
          below(0.1),
        ),
      },
    ]),
  );
  const claimTable = [
    ['claim', 'mean', '95 % interval', 'p (corrected)', 'verdict'],
    ...claims.map((c) => [c.claim, show(c.estimate), `${show(c.low)} to ${show(c.high)}`, show(c.p, 3), c.verdict]),
  ];
  const head =
    `${instances} processes: cells of three nodes (six edges, chosen one after the other among ${CHOICES} operations, ${name} head), all ${CHOICES ** 6} architectures by enumeration; the reward is the expected loss less the loss. The optimal new reward of a choice is the exact difference Q(s_t, a_t) - Q(s_t-1, a_t-1); with it nothing of the return is expected after any choice. ` +
    `RUDDER's LSTM learns from the given number of episodes (${lstmSteps} steps of a batch of 32) and is judged on all architectures; credits of edges are those of the sampled architecture. Correlation and root mean square error (over that of the exact differences) are over architectures by their probability, and steps; the expected future reward and the return that the new rewards do not sum to are root mean squares over the return's standard deviation. ` +
    'The last column takes the new reward of a choice alone as what its score is multiplied with.';
  say(`\n${head}\n${textTable(table)}\n\n${textTable(claimTable)}`);
  await writeResults({
    out: flags.out,
    name: 'credit-decomposition',
    command: `npm run credit -- decomposition --head ${name} --instances ${instances} --episodes ${episodes.join(',')} --lstm-steps ${lstmSteps}`,
    seconds: seconds(),
    data: { rows, claims },
    markdown: [
      '# Return decomposition against exact differences of Q',
      head,
      markdownTable(table),
      `Paired over processes, corrected by Holm for all ${claims.length} comparisons:`,
      markdownTable(claimTable),
    ].join('\n\n'),
    pictures: {},
  });
  say(`\nwritten to ${flags.out}/credit-decomposition.* in ${seconds().toFixed(0)} s`);
}
