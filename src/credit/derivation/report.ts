/** @file docs/derivation.md: every line beside the numbers that check it. */
import { largestOf } from '../../contract/extremes.ts';
import { key } from '../../core/random.ts';
import type { Device } from '../../core/tensor.ts';
import { singleEdgeFixture } from '../fixtures/networks.ts';
import { type DerivationResult, derive, deriveBySampling, limitOfDerivation, toleranceOf } from './evaluate.ts';
import { lines } from './lines.ts';
import { surfaceIdentity, type SurfaceTerms } from './surface.ts';
import { allAssumed, allSwitches, assumptions, type Switches, switchTitle } from './switches.ts';

/** Each assumption dropped by itself, after none. */
export const singleSwitches: readonly Switches[] = [
  allAssumed,
  ...assumptions.map(({ name }): Switches => ({ ...allAssumed, [name]: true })),
];

const table = (rows: readonly (readonly string[])[]): string => {
  const [head, ...body] = rows.map((row) => `| ${row.join(' | ')} |`);
  return [head, `| ${rows[0]!.map(() => '---').join(' | ')} |`, ...body].join('\n');
};

const show = (v: number): string => (Math.abs(v) < 5e-7 ? '0' : v.toFixed(6));
/** Rounding is told as a bound, so that the page does not depend on the last bits of a machine. */
const rest = (v: number): string => {
  if (Math.abs(v) < 1e-9) return '< 1e-9';
  return `< 1e${Math.floor(Math.log10(Math.abs(v))) + 1}`;
};

/** The argument, without numbers. */
export function linesTable(): string {
  return table([
    ['line', 'left', 'right', 'how the sides are computed', 'what it says'],
    ...lines.map((l, i) => [`${i + 1}. ${l.name}`, `\`${l.left}\``, `\`${l.right}\``, l.computed, l.says]),
  ]);
}

/** One row a result: the first broken line, its sides, and what mends it. */
export function switchTable(results: readonly DerivationResult[]): string {
  return table([
    ['dropped', 'first line that breaks', 'left', 'right', 'gap', 'what mends it', 'left over'],
    ...results.map(({ world, firstBroken, lines: found }) => {
      const broken = found.find(({ name }) => name === firstBroken);
      if (!broken) return [switchTitle(world.switches), 'none', '', '', '', '', ''];
      const mend = Object.entries(broken.mend ?? {}).filter(([, v]) => v !== 0);
      return [
        switchTitle(world.switches),
        broken.name,
        show(broken.left),
        show(broken.right),
        show(broken.gap),
        mend.map(([name, v]) => `${name} ${show(v)}`).join(', '),
        broken.mendedGap === undefined ? '' : rest(broken.mendedGap),
      ];
    }),
  ]);
}

/** One row a result: every line's gap where it breaks, 'holds' where it does not. */
export function gapTable(results: readonly DerivationResult[]): string {
  return table([
    ['dropped', ...lines.map(({ name }) => name)],
    ...results.map(({ world, lines: found }) => [
      switchTitle(world.switches),
      ...found.map(({ gap, left }) =>
        Math.abs(gap) <= toleranceOf(world.operations) * (1 + Math.abs(left)) ? 'holds' : show(gap),
      ),
    ]),
  ]);
}

/** One row a combination: the whole claim, and the two credits that replace R. */
export function combinationTable(results: readonly DerivationResult[]): string {
  const mark = (on: boolean): string => (on ? 'x' : '');
  return table([
    [
      ...assumptions.map(({ name }) => name),
      'first line that breaks',
      'dE[L]/dl',
      '-E[score R]',
      'group ablation',
      'mended claim is off by',
    ],
    ...results.map(({ world, firstBroken, lines: found }) => {
      const claim = found.find(({ name }) => name === 'claim')!;
      const ablation = found.find(({ name }) => name === 'ablation')!;
      return [
        ...assumptions.map(({ name }) => mark(world.switches[name])),
        firstBroken ?? 'none',
        show(claim.left),
        show(claim.right),
        show(ablation.right),
        rest(claim.mendedGap ?? claim.gap),
      ];
    }),
  ]);
}

/** The surface term of a place under a ReLU head, by the number of operations. */
export function surfaceTable(device: Device, operations: readonly number[]): string {
  const rows = operations.map((n) => ({ n, terms: surfaceOf(device, n) }));
  return table([
    ['operations', 'the surface is', 'E[c · dO~/dl]', 'E[score c · O~]', 'surface term', 'left over'],
    ...rows.map(({ n, terms }) => [
      String(n),
      ['', '', 'points', 'curves', 'surfaces'][n]!,
      show(terms.path),
      show(terms.published),
      show(terms.surface),
      rest(terms.published - terms.path - terms.surface),
    ]),
  ]);
}

/** The terms of the ReLU fixture with the derivation's logits, at temperature 0.5. */
export function surfaceOf(device: Device, operations: number): SurfaceTerms {
  const { outputs, base, head } = singleEdgeFixture(device, { head: 'relu', operations });
  const logits = [0.3, -0.2, 0.1, -0.4].slice(0, operations);
  return surfaceIdentity({ outputs, base, units: head.pieces!, logits, temperature: 0.5 });
}

/** A paragraph in lines of at most 120 characters; tables and headings stay. */
function wrap(text: string): string {
  if (text.startsWith('|') || text.startsWith('#')) return text;
  const out: string[] = [];
  for (const word of text.split(' ')) {
    const line = out.at(-1);
    if (line === undefined || line.length + 1 + word.length > 120) out.push(word);
    else out[out.length - 1] = `${line} ${word}`;
  }
  return out.join('\n');
}

const SAMPLES = 20_000;

/** The whole page. About a minute of one core. */
export async function derivationPage(device: Device): Promise<string> {
  const all: DerivationResult[] = [];
  for (const switches of allSwitches()) all.push(await derive(device, { switches }));
  const single = singleSwitches.map((s) => all.find(({ world }) => switchTitle(world.switches) === switchTitle(s))!);
  const sampled: string[][] = [];
  const told = ([mean, low, high]: readonly [number, number, number]): string =>
    `${mean.toFixed(3)} [${low.toFixed(3)}, ${high.toFixed(3)}]`;
  for (const { world, lines: found } of single) {
    const s = await deriveBySampling(device, { switches: world.switches }, SAMPLES, key(1));
    const claim = found.find(({ name }) => name === 'claim')!;
    const reference = found.find(({ name }) => name === 'reference')!;
    sampled.push([
      switchTitle(world.switches),
      show(claim.left),
      told(s.path),
      show(claim.right),
      told(s.published),
      show(reference.right),
      told(s.reference),
    ]);
  }
  const more: string[][] = [];
  for (const operations of [2, 3, 4]) {
    const limit = await limitOfDerivation(device, { switches: allAssumed, operations });
    const smooth = await derive(device, { switches: allAssumed, operations });
    const curved = await derive(device, { switches: { ...allAssumed, tied: true, crossEntropy: true }, operations });
    const claim = curved.lines.find(({ name }) => name === 'claim')!;
    const worst = largestOf(smooth.lines.map(({ gap }) => Math.abs(gap)));
    more.push([
      String(operations),
      rest(worst),
      `${show(claim.left)}, ${show(claim.right)}`,
      rest(claim.mendedGap!),
      limit.enumerated.toFixed(4),
      limit.limit.toFixed(4),
    ]);
  }
  return [
    '# The derivation, line by line',
    'This page is generated by `npm run credit -- derivation --page docs/derivation.md`; what it means is said in [credit.md](credit.md).',
    "The argument that SNAS is a policy gradient with the score R_ij goes from E[L] to E[score R_ij] in the lines below. Each is an equation whose two sides are computed in ways that share no step, on one small network (`reparam/credit`, `derive`): three places in a row over three images. The sides are integrals over one choice's noise, with all other noise held; the component is that of its first logit.",
    '## The lines',
    linesTable(),
    '## The assumptions',
    table([['switch', 'off: what the argument takes for granted', 'on'], ...assumptions.map((a) => [a.name, a.off, a.on])]),
    'With all switches off the loss is affine in the output of every place, and every line holds to rounding.',
    '## Each assumption dropped by itself',
    'The gap is right minus left; what mends it is added to the right side.',
    switchTable(single),
    'Every line, with its gap where it breaks:',
    gapTable(single),
    "A ReLU under a linear loss has no curvature almost everywhere, and the surface term is the whole correction. Behind cross-entropy it has both: see the row *kinks, crossEntropy* below. The density in the surface term is that of the noise's difference G_1 - G_2 at the kink, not of Z.",
    '## All combinations',
    '`group ablation` is line 10, E[score (L - L₀)]; where later choices depend on this one it is no baseline, and line 12 takes its place.',
    combinationTable(all),
    '## More than two operations',
    'Trapezoid rules in stick-breaking and in logit coordinates. The limit is that of E[L] for temperature 0, extrapolated from temperatures 1, 0.8, 0.6 and 0.5, against the sum over one-hot choices.',
    table([
      [
        'operations',
        'largest gap, nothing dropped',
        'tied and cross-entropy: dE[L]/dl, -E[score R]',
        'mended claim is off by',
        'E[L] enumerated',
        'E[L] in the limit',
      ],
      ...more,
    ]),
    '## The surface term',
    "One place of constant outputs under a ReLU head, temperature 0.5, by nested panels in the space of the noise's differences; the surface integral is taken along the direction of the studied logit.",
    surfaceTable(device, [2, 3, 4]),
    '## By sampling',
    `The same expectations as means over ${SAMPLES.toLocaleString('en')} samples of the noise (seed 1), with 95 % intervals.`,
    table([['dropped', 'dE[L]/dl', 'sampled', '-E[score R]', 'sampled', 'line 12', 'sampled'], ...sampled]),
  ]
    .map(wrap)
    .join('\n\n');
}
