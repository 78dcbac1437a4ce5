/** @file What an estimator is judged on: a network for every architecture. */
import type { Device, Tensor } from '../../core/tensor.ts';
import type { GatedEdge, GatedNetwork } from '../gated.ts';

/** E[f(D)] and its gradient in the logits, flat [edges, operations]. */
export interface Exact {
  readonly expected: number;
  readonly gradient: Float64Array;
}

/** A network for every architecture: z [s, edges, operations], relaxed or one-hot, one architecture a sample. */
export interface ArchitectureFixture {
  readonly device: Device;
  readonly edges: readonly GatedEdge[];
  readonly operations: number;
  /** The network with these gates. Gradients flow to z. */
  network(z: Tensor): GatedNetwork;
  /** E[f(D)] and its gradient at logits [edges][operations], where they are known without enumeration. */
  exact?(logits: readonly (readonly number[])[]): Promise<Exact>;
}
