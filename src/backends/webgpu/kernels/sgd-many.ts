/** @file SGD on several parameters a dispatch: a network has hundreds of small ones. */
import type { FusedKernel } from '../../../core/fused.ts';
import type { Tensor } from '../../../core/tensor.ts';
import type { GpuFacts } from '../kernel.ts';
import { optimizerSgdFive, optimizerSgdTwo } from '../shaders.gen.ts';

const PER_GROUP = 256;

/** What a dispatch updates: gradient, parameter, velocity. */
type Triple = readonly [Tensor, Tensor, Tensor];

/** [hyper, gradient, parameter, velocity, gradient, parameter, velocity, ...]: two parameters, or five where a device binds sixteen buffers. */
export function sgdManyKernel(facts: GpuFacts): FusedKernel<{ readonly nesterov: boolean }> {
  return {
    forward([hyper, ...rest], { nesterov }) {
      const triples = Array.from({ length: rest.length / 3 }, (_, i) => rest.slice(3 * i, 3 * i + 3) as unknown as Triple);
      const slots = triples.length;
      if (slots !== 2 && !(slots === 5 && facts.maxStorageBuffers >= 16)) return undefined;
      if (triples.some(([, p]) => p.size > PER_GROUP * facts.maxWorkgroups)) return undefined;
      const sizes = triples.map(([, p]) => p.size);
      hyper!.device.launch(
        {
          kind: 'wgsl',
          name: `sgd on ${slots}`,
          code: slots === 5 ? optimizerSgdFive.code : optimizerSgdTwo.code,
          constants: { NESTEROV: Number(nesterov) },
          uniforms: Array.from({ length: slots === 5 ? 8 : 4 }, (_, i) => sizes[i] ?? 0),
          workgroups: [Math.ceil(Math.max(...sizes) / PER_GROUP), slots, 1],
        },
        [hyper!, ...triples.map(([g]) => g)],
        [],
        triples.flatMap(([, p, v]) => [p, v]),
      );
      return { output: hyper! };
    },
  };
}
