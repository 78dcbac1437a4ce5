/** @file The spread and the bias of gradient estimators by depth, over many chains of several families. */
import { type Device, key } from 'reparam';
import { type EstimatorReport, meanBaseline, pathwise, runLaboratory, scoreTimesCredit } from 'reparam/credit';
import { type ChainFamily, deepChain } from './deep-chain.ts';
import { unequalLogits } from '../instances.ts';

export interface DepthInstance {
  readonly family: ChainFamily;
  readonly depth: number;
  readonly seed: number;
  /** |exact gradient|. */
  readonly length: number;
  /** Spread of one sample over |g|. */
  readonly pathwise: number;
  readonly published: number;
  readonly reinforce: number;
  /** Bias of the pathwise gradient and of the published form relative to |g|, sampling noise taken out. */
  readonly pathwiseBias: number;
  readonly publishedBias: number;
  /** Forward passes of one architecture that one sample takes. */
  readonly pathwiseOperations: number;
  readonly reinforceOperations: number;
}

export interface DepthOptions {
  readonly families: readonly ChainFamily[];
  readonly depths: readonly number[];
  readonly chains: number;
  readonly temperature: number;
  readonly samples: number;
}

/** SNAS's estimators and REINFORCE with a mean baseline against the exact gradient of each chain; `done` is told of every family and depth. */
export async function depthInstances(
  device: Device,
  options: DepthOptions,
  done: (what: string) => void,
): Promise<DepthInstance[]> {
  const { families, depths, chains, temperature, samples } = options;
  const out: DepthInstance[] = [];
  for (const family of families) {
    for (const depth of depths) {
      for (let seed = 1; seed <= chains; seed++) {
        const fixture = deepChain(device, { depth, family, seed });
        const estimators = [pathwise, scoreTimesCredit('taylor'), meanBaseline];
        const logits = unequalLogits(depth, fixture.operations);
        const report = await runLaboratory({ fixture, logits, temperature, samples, key: key(seed), estimators });
        const length = Math.hypot(...report.exact);
        const [path, published, plain] = report.estimators as [EstimatorReport, EstimatorReport, EstimatorReport];
        out.push({
          family,
          depth,
          seed,
          length,
          pathwise: path.spread / length,
          published: published.spread / length,
          reinforce: plain.spread / length,
          pathwiseBias: path.bias,
          publishedBias: published.bias,
          pathwiseOperations: path.operations,
          reinforceOperations: plain.operations,
        });
      }
      done(`${family}, T = ${depth}`);
    }
  }
  return out;
}
