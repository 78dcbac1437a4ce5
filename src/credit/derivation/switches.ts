/** @file The assumptions of the derivation, as switches: off is what the published argument takes for granted. */

export const assumptions = [
  {
    name: 'autoregressive',
    off: 'the choices are independent (equation 7)',
    on: 'later choices are drawn from logits that depend on this one (equation 6)',
  },
  { name: 'tied', off: 'each place has a Z of its own', on: 'two places share one Z, as the cells of a type do' },
  { name: 'perImage', off: 'one Z for the batch', on: 'a Z for each image' },
  { name: 'kinks', off: 'no kink', on: 'a ReLU behind the first place and one before the loss' },
  { name: 'batchStatistics', off: 'the norm uses running statistics', on: 'the norm uses those of the batch' },
  { name: 'crossEntropy', off: 'a linear loss', on: 'cross-entropy' },
] as const;

export type AssumptionName = (typeof assumptions)[number]['name'];

/** True where the assumption is dropped. */
export type Switches = Readonly<Record<AssumptionName, boolean>>;

/** All switches off. */
export const allAssumed: Switches = {
  autoregressive: false,
  tied: false,
  perImage: false,
  kinks: false,
  batchStatistics: false,
  crossEntropy: false,
};

/** Every combination: the one with all off first, then by binary counting. */
export function allSwitches(): Switches[] {
  return Array.from({ length: 2 ** assumptions.length }, (_, bits) =>
    assumptions.reduce<Switches>((s, { name }, i) => ({ ...s, [name]: ((bits >> i) & 1) === 1 }), allAssumed),
  );
}

/** The names of what is dropped, or 'none'. */
export function switchTitle(switches: Switches): string {
  const on = assumptions.filter(({ name }) => switches[name]).map(({ name }) => name);
  return on.length === 0 ? 'none' : on.join(' + ');
}
