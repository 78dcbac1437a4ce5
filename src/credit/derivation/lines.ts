/** @file The argument line by line: what each line says, under which assumptions it holds, and what mends it where it does not. */
import type { Switches } from './switches.ts';

export const lineNames = [
  'reparameterisation',
  'gradient inside',
  'statistics',
  'places',
  'cost',
  'change of variables',
  'score',
  'credit',
  'claim',
  'ablation',
  'place by place',
  'reference',
] as const;
export type LineName = (typeof lineNames)[number];

export interface Line {
  readonly name: LineName;
  readonly left: string;
  readonly right: string;
  /** How each side is computed, so that one sees that they share no step. */
  readonly computed: string;
  readonly says: string;
  /** Whether the line holds for every network under these switches. */
  readonly holds: (s: Switches) => boolean;
  /** What is added to the right side where it does not. */
  readonly mend?: string;
}

/** Whether L is affine in what each place of the studied choice puts out, and no more than once on a way: then c does not depend on its Z. */
const flat = (s: Switches): boolean => !s.kinks && !s.crossEntropy && !s.batchStatistics && !s.tied;

export const lines: readonly Line[] = [
  {
    name: 'reparameterisation',
    left: '∫ p(z) L(z) dz',
    right: 'E_G[L(Z(G))]',
    computed: 'Concrete density in logit coordinates; uniform points of the simplex of noise',
    says: 'Z = softmax((l + G) / λ) has the Concrete density.',
    holds: () => true,
  },
  {
    name: 'gradient inside',
    left: 'd/dl ∫ p(z) L(z) dz',
    right: 'E_G[dL/dl]',
    computed: 'differences of the density; automatic differentiation',
    says: 'The pathwise gradient has no bias for the relaxed objective: L is Lipschitz, kinks included.',
    holds: () => true,
  },
  {
    name: 'statistics',
    left: 'E[dL/dl]',
    right: "E[dL/dl with the norm's statistics held]",
    computed: 'automatic differentiation; the same with the statistics cut out of the graph',
    says: 'The loss of an image depends on Z through its own activations alone.',
    holds: (s) => !s.batchStatistics,
    mend: "E[dL/dstatistics · dstatistics/dl]: c must be the total derivative of the batch's loss",
  },
  {
    name: 'places',
    left: 'E[dL/dl]',
    right: 'E[Σ c · dO~/dl], over the places of this Z',
    computed: 'automatic differentiation; c · O_k of each option, mixed by hand: Σ (Z_1 / λ)(c · O_1 - c · O~)',
    says: 'Z acts through the outputs of its places, and through nothing else.',
    holds: (s) => !s.autoregressive,
    mend: 'E[dL/dZ_later · dZ_later/dl]: the way through the choices that are drawn after it',
  },
  {
    name: 'cost',
    left: 'E[Σ c · dO~/dl]',
    right: 'd/dl E_G[[c] · O~(Z(G))]',
    computed: 'as before; differences in l with c · O_k frozen at each point of the noise',
    says: '[c] is a number for each sample of the noise, which nothing differentiates.',
    holds: () => true,
  },
  {
    name: 'change of variables',
    left: 'd/dl E_G[[c] · O~(Z(G))]',
    right: 'd/dl ∫ p(z) c(z) · O~(z) dz',
    computed: 'as before; differences of the density, with c(z) from the z of each point',
    says: 'The variable is changed from G to Z. But [c] belongs to the Z of the old l and O~ to that of the new: the integrand is no function of Z, unless c is the same for all Z.',
    holds: (s) => flat(s) && !s.autoregressive,
    mend: "minus the curvature E[O~ · dc/dl + c · (dO~/dl)_input] (for one place: E[O~ᵀ H dO~/dl]), and minus the surface Σ over kinks (jump of c · O~) × (density of the noise's difference)",
  },
  {
    name: 'score',
    left: 'd/dl ∫ p(z) c(z) · O~(z) dz',
    right: 'E_G[score c · O~], score = 1 - n softmax(-G)',
    computed: 'differences of the density; the score of the noise',
    says: 'The derivative of a density is the density times the score.',
    holds: () => true,
  },
  {
    name: 'credit',
    left: 'E_G[score c · O~]',
    right: '-E_G[score R], R = -Z . dL/dZ',
    computed: 'c from the outputs of the places; the gradient in the rows of Z',
    says: 'R_ij is minus the cost.',
    holds: () => true,
  },
  {
    name: 'claim',
    left: 'd/dl E[L]',
    right: '-E[score R]',
    computed: 'differences of the density; the gradient in the rows of Z',
    says: 'The whole claim: the gradient of the search is a policy gradient with the score R_ij.',
    holds: (s) => flat(s) && !s.autoregressive,
    mend: 'minus the curvature, minus the surface, plus the way through later choices',
  },
  {
    name: 'ablation',
    left: 'd/dl E[L]',
    right: 'E[score (L - L₀)], all places of this Z cut at once',
    computed: 'differences of the density; forward passes alone',
    says: 'L₀ does not see this Z, so it is a baseline.',
    holds: (s) => !s.autoregressive,
    mend: 'the reference below: L₀ sees this Z through the choices drawn after it',
  },
  {
    name: 'place by place',
    left: 'd/dl E[L]',
    right: 'Σ E[score (L - L₀ of one place)]',
    computed: 'differences of the density; forward passes alone',
    says: 'The credits of places, each cut alone, make up the gradient.',
    holds: (s) => !s.autoregressive && !s.tied,
    mend: 'cut all places of this Z at once',
  },
  {
    name: 'reference',
    left: 'd/dl E[L]',
    right: 'E[score (L - L₀ with later choices drawn as from the middle of the simplex)]',
    computed: 'differences of the density; forward passes alone',
    says: 'With later choices that do not see this Z either, L₀ is a baseline again.',
    holds: () => true,
  },
];
