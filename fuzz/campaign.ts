/** @file Runs one reader on many damaged inputs and says what came of them. */
import fc from 'fast-check';
import { ReparamError } from '../src/contract/errors.ts';
import type { Reader } from './readers.ts';

export interface Outcome {
  readonly reader: string;
  readonly inputs: number;
  readonly refused: number;
  /** Milliseconds of the slowest input, the least of three tries where the first was slow: others use the machine too. */
  readonly slowest: number;
  /** The smallest input that was neither read nor refused, with the seed and path that replay it. */
  readonly failure?: string;
}

/** An input takes less than this. */
const LIMIT = 1000;

export interface CampaignOptions {
  readonly seed: number;
  readonly inputs: number;
  /** Of a failure: where fast-check goes on from. */
  readonly path?: string;
}

export async function campaign(reader: Reader, { seed, inputs, path }: CampaignOptions): Promise<Outcome> {
  let refused = 0;
  let slowest = 0;
  const time = async (input: unknown): Promise<number> => {
    const start = performance.now();
    try {
      await reader.read(input);
    } catch (error) {
      const refuses = reader.refuses ?? ((e: unknown) => e instanceof ReparamError);
      if (!refuses(error)) throw error;
      const lines = (error as Error).message.split('\n').length;
      if (error instanceof ReparamError && lines > 1) throw new Error(`refused in ${lines} lines`, { cause: error });
      refused++;
    }
    return performance.now() - start;
  };
  const property = fc.asyncProperty(reader.damaged, async (input) => {
    let ms = await time(input);
    for (let tries = 1; ms > LIMIT && tries < 3; tries++) ms = Math.min(ms, await time(input));
    slowest = Math.max(slowest, ms);
    if (ms > LIMIT) throw new Error(`took ${ms.toFixed(0)} ms`);
  });
  const result = await fc.check(property, { seed, numRuns: inputs, ...(path !== undefined && { path }) });
  const summary = { reader: reader.name, inputs: result.numRuns, refused, slowest };
  if (!result.failed) return summary;
  const { errorInstance: error, counterexample, counterexamplePath } = result;
  const cause = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return {
    ...summary,
    failure: `${cause}\n  input  ${fc.stringify(counterexample?.[0])}\n  replay npm run fuzz -- --reader ${reader.name} --seed ${seed} --path ${counterexamplePath}`,
  };
}
