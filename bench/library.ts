/** @file The library under test: this checkout's, or that of another one, so that two of them can take turns. */
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import * as core from '../src/index.ts';
import * as optim from '../src/optim/index.ts';
import type * as steps from './snas-step.ts';

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

/** The library of a checkout whose shaders have been made, and which has its own node_modules. */
export async function libraryOf(root: string): Promise<Library> {
  const [theirs, theirOptim] = await Promise.all([load(root, 'src/index.ts'), load(root, 'src/optim/index.ts')]);
  return { ...(theirs as typeof core), ...(theirOptim as typeof optim) };
}

/** A whole SNAS step of a checkout, which says itself how its search is made. */
export async function snasTask(root: string, device: core.Device, name: string, eager: boolean): Promise<Prepared> {
  const { SNAS_STEPS, snasStep } = (await load(root, 'bench/snas-step.ts')) as typeof steps;
  const step = snasStep(device, SNAS_STEPS[name]!, eager);
  if (!eager) await step.search.warmUp();
  return {
    run: step.run,
    check: async () => {
      step.run();
      await device.finish();
      return [];
    },
    dispose: step.dispose,
  };
}
