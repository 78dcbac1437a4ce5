/** @file The library under test: this checkout's, or that of another one, so that two of them can take turns. */
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import * as core from '../src/index.ts';
import * as optim from '../src/optim/index.ts';
import type * as steps from './snas-step.ts';
import type { Task } from './tasks.ts';

/** What the tasks need of a checkout: its core and its optimisers. */
export type Library = typeof core & typeof optim;

/** A task with its data on a device. */
export interface Prepared {
  /** Starts one run; `device.finish()` waits for its end. */
  readonly run: () => void;
  /** One run, and the norm of each output, gradient or change of a parameter. */
  readonly check: () => Promise<number[]>;
  readonly dispose: () => void;
}

export const ROOT: string = fileURLToPath(new URL('../', import.meta.url));
export const HERE: Library = { ...core, ...optim };

const load = (root: string, file: string): Promise<unknown> => import(pathToFileURL(path.join(root, file)).href);

/**
 * The library of another checkout: as it is built, or its sources, to which tsx adds a name of about a microsecond for every closure that
 * is made.
 */
export async function libraryOf(root: string, from: 'built' | 'sources'): Promise<Library> {
  const file = (name: string): string => (from === 'built' ? `dist/${name}.js` : `src/${name}.ts`);
  const [theirs, theirOptim] = await Promise.all([load(root, file('index')), load(root, file('optim/index'))]);
  return { ...(theirs as typeof core), ...(theirOptim as typeof optim) };
}

/** A whole SNAS step of a checkout, from its sources, which say themselves how a search is made and on which device. */
export async function snasTask(
  root: string,
  kind: string,
  { name, exchange }: Task,
  eager: boolean,
): Promise<Prepared & { readonly device: core.Device }> {
  const { SNAS_STEPS, snasStep, stepNorms } = (await load(root, 'bench/snas-step.ts')) as typeof steps;
  const { openDevice } = (await load(root, 'bench/device.ts')) as {
    readonly openDevice: (kind: string) => Promise<core.Device>;
  };
  const device = await openDevice(kind);
  const step = snasStep(device, SNAS_STEPS[name]!, eager);
  if (!eager) await step.search.warmUp();
  return {
    device,
    run: step.run,
    check: async () => {
      if (exchange !== undefined) return stepNorms(step);
      step.run();
      await device.finish();
      return [];
    },
    dispose: () => {
      step.dispose();
      device.destroy();
    },
  };
}
