/** @file What an estimator is judged on: a network for every architecture. */
import type { Device, Tensor } from '../../core/tensor.ts';
import type { GatedEdge, GatedNetwork } from '../gated.ts';

/** A network for every architecture: z [s, edges, operations], relaxed or one-hot, one architecture a sample. */
export interface ArchitectureFixture {
  readonly device: Device;
  readonly edges: readonly GatedEdge[];
  readonly operations: number;
  /** The network with these gates. Gradients flow to z. */
  network(z: Tensor): GatedNetwork;
}
