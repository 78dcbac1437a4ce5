/** @file Sections 2.1 to 3.2: the model, its relaxation, its cost, credit assignment, DARTS. */
import { above } from 'reparam/credit';
import type { Part } from '../figures/experiment.ts';
import { part } from '../figures/verdict.ts';
import type { Claim } from './ledger.ts';
import { growsWithEdges, largeVariance } from './variance.ts';
import { everyStep, explains, importance } from './credit-runs.ts';

const BASELINES = 'test/baselines.test.ts';
const COST = 'test/snas/cost/cost.test.ts';
const EDGE = 'test/credit/edge.test.ts';
const ESTIMATORS = 'test/credit/estimators.test.ts';
const IDENTITY = 'test/credit/edge/published-identity.test.ts';

interface Race {
  readonly points: readonly {
    readonly instance: number;
    readonly seed: number;
    readonly method: string;
    readonly operations: number;
    readonly error: number;
  }[];
}

/** SNAS's error against RUDDER's on the same processes and seeds, at every number of operations. */
function againstRudder({ points }: Race): Part[] {
  const budgets = [...new Set(points.map((p) => p.operations))];
  return budgets.map((operations) => {
    const here = points.filter((p) => p.operations === operations);
    const rudder = here.filter((p) => p.method === 'RUDDER');
    const ratios = new Map<number, number[]>();
    for (const r of rudder) {
      const snas = here.find((p) => p.method === 'SNAS, pathwise' && p.instance === r.instance && p.seed === r.seed)!;
      ratios.set(r.instance, [...(ratios.get(r.instance) ?? []), Math.log10(r.error / snas.error)]);
    }
    const byProcess = [...ratios.values()].map((list) => list.reduce((a, b) => a + b, 0) / list.length);
    return part(`decimal logarithm of the error, RUDDER less SNAS, ${operations} operations`, byProcess, above(0), 2);
  });
}

export const methodClaims: readonly Claim[] = [
  {
    section: '2.1, eq 3',
    sentence: 'The loss in the place of the accuracy does not change the objective in essence: where architectures differ.',
    evidence: [{ figure: 'eq3', finding: 'objective', parts: [2, 3] }],
  },
  {
    section: '2.1, eq 3',
    sentence: '... where they are nearly equally good.',
    evidence: [{ figure: 'eq3', finding: 'objective', parts: [0, 1] }],
  },
  {
    section: '2.1, eq 4 and 5',
    sentence: 'In a deterministic process the objective is an expectation over the policy alone, as of a generative model.',
    evidence: [
      { tests: ESTIMATORS, titles: ['the enumerated gradient is the derivative of the enumerated expectation'], verdict: 'held' },
    ],
  },
  {
    section: '2.1, eq 6 and 7',
    sentence: 'With independent decisions equation 6 becomes equation 7.',
    evidence: [{ tests: BASELINES, titles: ['an autoregressive p(Z) without coupling is the factorised one'], verdict: 'held' }],
  },
  {
    section: '2.1, eq 7',
    sentence: 'The assumption of independence costs nothing.',
    evidence: [{ figure: 'eq6-7', finding: 'independent' }],
  },
  {
    section: '2.2, eq 9',
    sentence: 'In a search by reinforcement learning agent and network need not be connected: any loss will do.',
    evidence: [{ tests: BASELINES, titles: ['REINFORCE with its moving baseline is unbiased for any loss'], verdict: 'held' }],
  },
  {
    section: '2.2, eq 10',
    sentence: 'An operation on an edge is drawn by a one-hot vector: its output is Z . O(x).',
    evidence: [
      {
        tests: 'test/snas/space/choice.test.ts',
        titles: ['puts out sum_k Z_k O_k(x), of a layer, a function and none'],
        verdict: 'held',
      },
    ],
  },
  {
    section: '2.2, eq 11, figure 6',
    sentence: 'A child network is the parent under a one-hot Z.',
    evidence: [
      {
        tests: 'test/snas/spaces/darts/network.test.ts',
        titles: ['computes what its parent computes under the one-hot Z'],
        verdict: 'held',
      },
    ],
  },
  {
    section: '2.2',
    sentence: 'The space has all skips and branches: two inputs to a cell, all earlier nodes, identity and none on every edge.',
    evidence: [
      {
        tests: 'test/snas/spaces/darts/genotype.test.ts',
        titles: ['edges of a cell of four nodes are the fourteen of DARTS'],
        verdict: 'held',
      },
      {
        tests: BASELINES,
        titles: ['DARTS never derives none, even where none has nearly all the weight, and SNAS does'],
        verdict: 'held',
      },
    ],
  },
  {
    section: '2.3',
    sentence: 'The likelihood ratio is an estimator of the gradient with a large variance.',
    evidence: [{ result: 'credit-instances', command: 'npm run credit -- instances', judge: largeVariance }],
  },
  {
    section: '2.3',
    sentence: 'Its variance grows with the number of edges.',
    evidence: [{ result: 'credit-depth', command: 'npm run credit -- depth', judge: growsWithEdges }],
  },
  {
    section: '2.3, eq 13',
    sentence: 'Gumbel-max has the law of the discrete choice, and the relaxed sample tends to it as the temperature falls.',
    evidence: [
      {
        tests: 'test/distributions/gumbel.test.ts',
        titles: ['as the temperature goes to zero the sample goes to Gumbel-max of the same noise'],
        verdict: 'held',
      },
    ],
  },
  {
    section: '2.3, figure 7',
    sentence: "The relaxed gradient is an unbiased estimate of the search's objective.",
    evidence: [{ tests: ESTIMATORS, titles: ['biased estimators are found biased'], verdict: 'refuted' }],
  },
  {
    section: '2.3',
    sentence: 'Its gradient to log alpha is dL/dx . (O_k - O~) Z_k / lambda.',
    evidence: [{ tests: EDGE, titles: ['dL/dl_k = c.(O_k - O~) Z_k / lambda (1e-12)'], verdict: 'held' }],
  },
  {
    section: '2.4',
    sentence: 'Networks come out complex because the objective has no term for latency.',
    evidence: [{ figure: 'fig13-15', finding: 'cheaper', parts: [0] }],
  },
  {
    section: '2.4',
    sentence: 'They also do because rules made by hand keep the search from making them sparse.',
    evidence: [{ figure: 'decoding', finding: 'rule' }],
  },
  {
    section: '2.4',
    sentence: 'A part of the space is given up by such rules: their child is worse than what was optimised.',
    evidence: [{ figure: 'decoding', finding: 'accuracy' }],
  },
  {
    section: '2.4, eq 14 and 15',
    sentence: 'A budget becomes a price by the Lagrangian, and the search keeps to it.',
    evidence: [{ figure: 'eq14', finding: 'budget' }],
  },
  {
    section: '2.4',
    sentence: 'A latency that is only measured can be optimised by the policy gradient.',
    evidence: [
      {
        tests: 'test/snas/cost/black-box.test.ts',
        titles: ['with its moving average it agrees with the sum over 81 architectures'],
        verdict: 'held',
      },
    ],
  },
  {
    section: '2.4, eq 16',
    sentence: 'Parameters, FLOPs and memory are linear in Z and split over the edges.',
    evidence: [
      {
        tests: COST,
        titles: ['C(Z) is linear in Z', 'C(Z) at the one-hot Z of a child is the summed cost of its operations'],
        verdict: 'held',
      },
    ],
  },
  {
    section: '2.4',
    sentence: 'That the cost splits over the edges helps convergence.',
    evidence: [{ figure: 'eq16', finding: 'faster' }],
  },
  {
    section: '2.4',
    sentence: 'Its expectation can be optimised by reparameterisation and by the policy gradient.',
    evidence: [
      {
        tests: COST,
        titles: ['through the sample and by the score of its Concrete density, a relaxed cost has the same gradient'],
        verdict: 'held',
      },
      { figure: 'eq16', finding: 'both' },
    ],
  },
  {
    section: '3.1, eq 17',
    sentence: 'The expected gradient in log alpha is that of a policy gradient with R_ij as its reward.',
    evidence: [
      {
        tests: IDENTITY,
        titles: ['by sampling, the quadratic loss refutes the claim by more than 10 standard errors of paired differences'],
        verdict: 'refuted',
      },
    ],
  },
  {
    section: '3.1, eq 17',
    sentence: '... where the loss is affine in the edge.',
    evidence: [{ tests: IDENTITY, titles: ['the claim holds to 1e-12 for the affine loss'], verdict: 'held' }],
  },
  {
    section: '3.1',
    sentence: 'R_ij is a first-order term of a Taylor expansion of the loss.',
    evidence: [{ tests: EDGE, titles: ['-R_ij is the central difference of the loss in a gate on the edge'], verdict: 'held' }],
  },
  {
    section: '3.1',
    sentence: 'A node gathers the credit that comes back to it and divides it over the edges into it.',
    evidence: [{ tests: EDGE, titles: ['credits into a node sum to -dL/dx_j . x_j'], verdict: 'held' }],
  },
  {
    section: '3.1',
    sentence: 'As Z turns one-hot, the credit of an edge goes to the operation that was chosen.',
    evidence: [{ tests: 'test/credit/options.test.ts', titles: ['sum_k Z_k R^k is R'], verdict: 'held' }],
  },
  {
    section: '3.1',
    sentence: "A first-order credit measures an edge's importance, on searched networks.",
    evidence: [{ result: 'credit-audit', command: 'npm run credit -- audit --run FOLDER', judge: importance }],
  },
  {
    section: '3.1',
    sentence: "SNAS's credits are reasonable from the start, and at every step.",
    evidence: [{ result: 'credit-along', command: 'npm run credit -- along --run FOLDERS', judge: everyStep }],
  },
  {
    section: '3.1',
    sentence: 'That explains why a search by SNAS converges faster than one by reinforcement learning.',
    evidence: [{ result: 'credit-swap', command: 'npm run credit -- swap', judge: explains }],
  },
  {
    section: '3.1',
    sentence: 'Against RUDDER, the credit needs no learned return: fewer samples give a better gradient.',
    evidence: [{ result: 'credit-race', command: 'npm run credit -- race', judge: againstRudder }],
  },
  {
    section: '3.1',
    sentence: 'The penalty adds a term to the credit that is exactly of first order.',
    evidence: [
      { tests: EDGE, titles: ['a cost sum_k Z_k C_k weighed by eta adds exactly -eta Z . C to the credit'], verdict: 'held' },
    ],
  },
  {
    section: '3.2, eq 18 and 19',
    sentence: 'If the loss is linear in each Z, the two objectives are the same (each edge with a Z of its own).',
    evidence: [{ figure: 'eq18-19', finding: 'linear' }],
  },
  {
    section: '3.2',
    sentence: "ReLU-Conv-BN is not linear and brings a large bias into DARTS's objective.",
    evidence: [{ figure: 'eq18-19', finding: 'bias' }],
  },
  {
    section: '3.2',
    sentence: 'That makes the results of first-order optimisation worse; the second order mends it.',
    evidence: [{ figure: 'darts-2', finding: 'second-order' }],
  },
  {
    section: '3.2',
    sentence: 'Nothing drives DARTS to a discrete choice: it stays less certain than SNAS.',
    evidence: [{ figure: 'fig11', finding: 'entropy' }],
  },
  {
    section: '3.2',
    sentence: 'So its child does not keep the accuracy of the search.',
    evidence: [{ figure: 'fig10', finding: 'darts' }],
  },
];
