/** @file A search whose numbers are no longer finite: which step made the first that is not, and in which operation. */
import { NonFiniteError } from '../../contract/errors.ts';
import type { StopSignal } from '../../contract/stop-signal.ts';
import type { StateDict } from '../../nn/module.ts';
import { nonFiniteEntry } from '../../snas/search/checkpoint.ts';
import type { Search } from '../../snas/search/search.ts';

/** NonFiniteError if a state is not to be kept: a checkpoint of it would take the place of a good one. */
export function checkFinite(state: StateDict, step: number): void {
  const entry = nonFiniteEntry(state);
  if (entry !== undefined) throw new NonFiniteError(`search: ${entry} is not finite after step ${step}; it was not saved`);
}

export interface Locating {
  readonly signal: StopSignal;
  /** Called after each step that was looked at. */
  readonly onStep: (step: number) => void;
  /** The run's folder, for the message. */
  readonly folder: string;
}

/**
 * Repeats a search from the checkpoint that it holds. Returns the error that says in one line which step made the first number that is not
 * finite, in which operation and where in the network; undefined if no step does.
 */
export async function nonFiniteStep(search: Search, { signal, onStep, folder }: Locating): Promise<NonFiniteError | undefined> {
  const from = search.step;
  const located = await search.locateNonFinite({ signal, onStep });
  if (!located) return undefined;
  const { step, entry, found } = located;
  const what = found ? found.message : `${entry}, and not when the step is done again`;
  const { weights, temperature } = search.config;
  return new NonFiniteError(
    `search: the first number that is not finite is made in step ${step}: ${what}. The checkpoint of step ${from} in ${folder} is whole; ` +
      `a lower --lr (${weights.lr}) or --clip (${weights.clip}), or a higher --temperature-end (${temperature.end}), may keep it finite`,
  );
}
