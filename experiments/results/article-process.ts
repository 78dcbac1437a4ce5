/** @file Sections 1.1 to 1.3: the decision process, temporal differences, delayed reward. */
import { above } from 'reparam/credit';
import type { Part } from '../figures/experiment.ts';
import { part } from '../figures/verdict.ts';
import type { Claim } from './ledger.ts';

const DELAYED = 'test/experiments/laboratory/delayed.test.ts';

interface Watch {
  readonly watch: readonly {
    readonly method: string;
    readonly seed: number;
    readonly episodes: number;
    readonly solved: boolean;
  }[];
}

interface Jitter {
  /** By process and step. */
  readonly found: readonly (readonly {
    readonly states: number;
    readonly average: number;
    readonly fixed: number;
    readonly immediate: number;
  }[])[];
}

/** Logarithms of episodes, which differ by factors; a seed that was given up counts with its limit, which is too few. */
function slower(method: string): (data: Watch) => Part[] {
  return ({ watch }) => {
    const episodes = (name: string): number[] => watch.filter((w) => w.method === name).map((w) => Math.log10(w.episodes));
    const rudder = episodes('RUDDER');
    const censored = watch.some((w) => w.method === method && !w.solved)
      ? ', those of seeds that were given up counted as the limit'
      : '';
    return [
      part(
        `decimal logarithm of episodes, ${method} less RUDDER${censored}`,
        episodes(method).map((v, i) => v - rudder[i]!),
        above(0),
        2,
      ),
    ];
  };
}

export const processClaims: readonly Claim[] = [
  {
    section: '1.1, eq 2',
    sentence: 'Searching an architecture is a deterministic decision process whose reward comes only at its end.',
    evidence: [
      {
        tests: DELAYED,
        titles: ['the exact gradient of a deep chain by moments is the enumerated one, and that of an exact critic'],
        verdict: 'held',
      },
    ],
  },
  {
    section: '1.1',
    sentence: 'Reinforcement learning is inefficient with data: it needs more samples than SNAS for the same accuracy.',
    evidence: [{ figure: 'fig9', finding: 'enas', parts: [0] }],
  },
  {
    section: '1.2, eq 1',
    sentence: 'An update of TD(0) passes information one state back, so that a chain takes as many sweeps as it has states.',
    evidence: [
      {
        tests: DELAYED,
        titles: ['the first correction of the first state has size a^T, and with synchronous sweeps it comes after exactly T'],
        verdict: 'held',
      },
    ],
  },
  {
    section: '1.2',
    sentence: 'A wrong value of a later state spoils those before it, and only more sweeps mend them.',
    evidence: [
      {
        tests: 'test/experiments/laboratory/delayed/spoiled.test.ts',
        titles: [
          'TD(0) on a chain spoils the first state by the binomial closed form',
          'what an error does is the difference of two learners on the same episodes',
        ],
        verdict: 'held',
      },
    ],
  },
  {
    section: '1.2',
    sentence: 'With the dimension of the states the time of convergence of TD grows greatly.',
    evidence: [
      {
        tests: DELAYED,
        titles: ['episodes grow linearly on a chain and exponentially on a tree for TD(0), and stay for Monte Carlo'],
        verdict: 'held',
      },
    ],
  },
  {
    section: '1.2',
    sentence: 'Eligibility traces are a trade between TD(0) and Monte Carlo.',
    evidence: [
      {
        tests: DELAYED,
        titles: [
          'TD(lambda) is TD(0) at 0 and Monte Carlo at 1',
          'the first state has half its value after 37, 77, 157, 317 episodes for T = 4, 8, 16, 32; TD(0.9) after 9, 13, 21, 37; Monte Carlo after 7',
        ],
        verdict: 'held',
      },
    ],
  },
  {
    section: '1.3',
    sentence: 'Early in TD learning the credit of shallow layers is close to 0.',
    evidence: [{ tests: DELAYED, titles: ['the first correction of the first state has size a^T'], verdict: 'held' }],
  },
  {
    section: '1.3',
    sentence: 'Delay makes Monte Carlo estimates of the values of later states jitter, and hurts that of V(s_t).',
    evidence: [
      {
        result: 'credit-jitter',
        command: 'npm run credit -- jitter',
        judge: ({ found }: Jitter): Part[] => [
          part(
            'decimal logarithm of the variance of the first value, reward at the end over reward at once, same rate',
            found.map((rows) => Math.log10(rows[0]!.fixed / rows[0]!.immediate)),
            above(0),
            2,
          ),
        ],
      },
    ],
  },
  {
    section: '1.3, RUDDER 1',
    sentence: 'Delay makes the number of updates of TD exponential: where the process branches.',
    evidence: [
      {
        tests: DELAYED,
        titles: ['episodes grow linearly on a chain and exponentially on a tree for TD(0), and stay for Monte Carlo'],
        verdict: 'held',
      },
    ],
  },
  {
    section: '1.3, RUDDER 1',
    sentence: 'Delay makes the number of updates of TD exponential: on a chain.',
    evidence: [
      {
        tests: DELAYED,
        titles: ['TD(0) on a chain has the value R P(Bin(m, a) >= d) after m episodes', 'episodes grow linearly on a chain'],
        verdict: 'refuted',
      },
    ],
  },
  {
    section: '1.3, RUDDER 2',
    sentence: 'Delay brings jitter into the Monte Carlo values of exponentially many states.',
    evidence: [
      {
        result: 'credit-jitter',
        command: 'npm run credit -- jitter',
        judge: ({ found }: Jitter): Part[] => [
          part(
            `decimal logarithm of the variance of a value of the last of ${found[0]!.length} decisions (${found[0]!.at(-1)!.states} states) over that of the first, sample average`,
            found.map((rows) => Math.log10(rows.at(-1)!.average / rows[0]!.average)),
            above(0),
            2,
          ),
        ],
      },
    ],
  },
  {
    section: '1.3, figure 4',
    sentence: 'RUDDER converges clearly faster than TD.',
    evidence: [{ result: 'credit-delayed', command: 'npm run credit -- delayed', judge: slower('TD(0)') }],
  },
  {
    section: '1.3, figure 4',
    sentence: 'RUDDER converges clearly faster than Monte Carlo, at the same fixed rate.',
    evidence: [{ result: 'credit-delayed', command: 'npm run credit -- delayed', judge: slower('MC') }],
  },
  {
    section: '1.3, figure 4',
    sentence: 'RUDDER converges clearly faster than Monte Carlo, with a sample average.',
    evidence: [{ result: 'credit-delayed', command: 'npm run credit -- delayed', judge: slower('MC, sample average') }],
  },
  {
    section: '1.3',
    sentence: "RUDDER's network needs samples and training of its own, and may not reach the true return.",
    evidence: [
      {
        tests: DELAYED,
        titles: ["RUDDER's redistributed rewards sum to the return, to 1e-12, trained or not; training lessens its error"],
        verdict: 'held',
      },
    ],
  },
  {
    section: '1.3',
    sentence: 'Whether the credits of its network are right can only be judged by what they bring about.',
    evidence: [
      {
        tests: 'test/experiments/laboratory/delayed/decomposition.test.ts',
        titles: ['exact differences are optimal; the return as it comes, credits and a briefly trained LSTM each fall short'],
        verdict: 'refuted',
      },
    ],
  },
];
