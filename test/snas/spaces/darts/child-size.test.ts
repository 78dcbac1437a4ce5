/** @file The size of a child by formula against the network itself: its parameters, and the multiply-adds that its layers do. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { cpu } from '../../../../src/devices/cpu.ts';
import { Conv2d, Linear } from '../../../../src/nn/layers.ts';
import { avgPool2d } from '../../../../src/core/pool.ts';
import { key } from '../../../../src/core/random.ts';
import { scope } from '../../../../src/core/scope.ts';
import { PoolToTwo } from '../../../../src/snas/spaces/darts/auxiliary-head.ts';
import { childSize } from '../../../../src/snas/spaces/darts/child-size.ts';
import { edgesOf, genotypeFromChoices, OPERATIONS } from '../../../../src/snas/spaces/darts/genotype.ts';
import { ChildNetwork } from '../../../../src/snas/spaces/darts/network.ts';
import { FactorizedReduce } from '../../../../src/snas/spaces/darts/operations.ts';
import { genotype, type PublishedName } from '../../../../src/snas/spaces/darts/published.ts';
import type { Tensor } from '../../../../src/core/tensor.ts';

const device = cpu({ dtype: 'float32' });

it('is what the network has and does, over random genotypes, sizes and stems: multiply-adds counted layer by layer in a forward pass', () => {
  const operation = fc.integer({ min: 0, max: OPERATIONS.length - 1 });
  const cell = fc.array(operation, { minLength: edgesOf(2).length, maxLength: edgesOf(2).length });
  const arbitrary = fc.record({
    normal: cell,
    reduce: cell,
    channels: fc.integer({ min: 1, max: 3 }),
    cells: fc.integer({ min: 1, max: 5 }),
    imageSide: fc.integer({ min: 7, max: 9 }),
    stemStride: fc.constantFrom(1 as const, 2 as const),
    classes: fc.integer({ min: 2, max: 4 }),
    inChannels: fc.integer({ min: 1, max: 3 }),
  });
  fc.assert(
    fc.property(arbitrary, ({ normal, reduce, imageSide, ...config }) => {
      const found = genotypeFromChoices({ normal, reduce }, 2);
      const network = new ChildNetwork(device, key(0), config, found).eval();
      let multiplyAdds = 0;
      // Every weight meets every output position of its channel once.
      const count = (weights: number, y: Tensor): void =>
        void (multiplyAdds += weights * y.shape.slice(2).reduce((p, q) => p * q, 1));
      for (const layer of network.modules()) {
        if (!(layer instanceof Conv2d || layer instanceof Linear || layer instanceof FactorizedReduce)) continue;
        const forward: (...inputs: Tensor[]) => Tensor = layer.forward.bind(layer);
        layer.forward = (...inputs: Tensor[]): Tensor => {
          const y = forward(...inputs);
          // Of a factorised reduction's convolutions the second does not go through its layer.
          count(layer instanceof FactorizedReduce ? layer.conv2.weight.size : layer.weight.size, y);
          return y;
        };
      }
      scope(() => void network.forward(device.zeros([1, config.inChannels, imageSide, imageSide])));
      expect(childSize(found, { ...config, imageSide })).toEqual({ parameters: network.parameterCount(), multiplyAdds });
      network.dispose();
    }),
    { seed: 3, numRuns: 60 },
  );
});

it('a child of 20 cells at 36 channels has the published number of parameters', () => {
  const published: Readonly<Partial<Record<PublishedName, number>>> = {
    DARTS_V1: 3171574,
    DARTS_V2: 3351502,
    SNAS_mild: 2663542,
    SNAS_moderate: 2848222,
    SNAS_aggressive: 2313622,
  };
  const config = { channels: 36, cells: 20, classes: 10, inChannels: 3, imageSide: 32 };
  for (const [name, parameters] of Object.entries(published)) {
    expect([name, childSize(genotype(name), config).parameters]).toEqual([name, parameters]);
  }
});

it("the auxiliary head pools CIFAR-10's 8 x 8 features as DARTS does, window 5 and stride 3, and every other side from 2 to 2 x 2", async () => {
  const pool = new PoolToTwo();
  const x = device.tensor(
    Array.from({ length: 64 }, (_, i) => Math.sin(i)),
    [1, 1, 8, 8],
  );
  expect(await pool.forward(x).data()).toEqual(await avgPool2d(x, 5, { stride: 3 }).data());
  for (let side = 2; side <= 20; side++) expect(pool.forward(device.zeros([1, 1, side, side])).shape).toEqual([1, 1, 2, 2]);
  expect(() => pool.forward(device.zeros([1, 1, 1, 1]))).toThrow(/auxiliary head.*side 2 or more/);
});

it('the auxiliary head trains on the 28 x 28 of MNIST and the 32 x 32 of CIFAR-10', () => {
  for (const side of [28, 32]) {
    const config = { channels: 1, cells: 3, classes: 10, inChannels: 1 };
    const network = new ChildNetwork(device, key(0), config, genotype('DARTS_V2'), { auxiliary: true });
    expect(scope(() => network.forwardBoth(device.zeros([2, 1, side, side]))[1])?.shape).toEqual([2, 10]);
  }
});
