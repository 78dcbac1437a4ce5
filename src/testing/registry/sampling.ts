/** @file Registry: random bits, the stochastic nodes with their noise held, and the optimisers' in-place updates. */
import { fc } from '../fast-check.ts';
import { applyInPlace } from '../../core/primitive.ts';
import { categoricalEntropy } from '../../distributions/categorical.ts';
import { RelaxedOneHotCategorical } from '../../distributions/concrete.ts';
import { gumbelMax, gumbelSoftmax, oneHotArgmax, straightThrough } from '../../distributions/gumbel.ts';
import { clone, concat } from '../../core/ops.ts';
import { randomBits, uniform } from '../../core/random.ts';
import { sizeOf } from '../../contract/shape.ts';
import { boundaryShapes } from '../arbitraries/shapes.ts';
import { keyWords, tieSafeParts } from '../arbitraries/values.ts';
import { blank, exact, kernelCases, noise, operandShapes, seeds, ULP } from './kernel-cases.ts';
import { type Operation, operation, type Sample, type Size, tensorsOf } from './operation.ts';

/** Logits, noise (both without ties) and a temperature in [1/16, 16] for each row. */
function relaxed(size: Size): fc.Arbitrary<Sample<null>> {
  const [rows, most] = size === 'small' ? [2, 3] : [40, 12];
  return fc.tuple(fc.integer({ min: 1, max: rows }), fc.integer({ min: 2, max: most })).chain(([n, k]) =>
    fc
      .tuple(
        tieSafeParts([
          [n, k],
          [n, k],
        ]),
        fc.integer({ min: -4, max: 4 }),
      )
      .map(([parts, exponent]) => ({ inputs: [...parts, { shape: [1], values: [2 ** (exponent / 2)] }], params: null })),
  );
}

/** The state of an optimiser: parameter, gradient, and moments, of which the second is positive. */
function update<Params>(moments: number, params: fc.Arbitrary<Params>): (size: Size) => fc.Arbitrary<Sample<Params>> {
  return (size) =>
    fc
      .tuple(size === 'small' ? fc.constant([3]) : boundaryShapes(), params)
      .chain(([shape, p]) =>
        tensorsOf(
          size,
          [
            [shape, 'kink-safe'],
            [shape, 'kink-safe'],
            ...Array.from({ length: moments }, (_, i) => [shape, i === 0 ? 'kink-safe' : 'positive'] as const),
          ],
          p,
        ),
      );
}

const SGD_HYPER = [0.1, 0.9, 1e-4, 0.5].map(Math.fround);
const ADAM_HYPER = [1e-3, 0.1, 1e-3, 1e-8, 1e-4, 0.271, 0.003, 0.5].map(Math.fround);

export const sampling: readonly Operation[] = [
  operation({
    name: 'randomBits',
    run: ([words], shape: readonly number[]) => randomBits(words!, shape),
    samples: () => fc.record({ inputs: fc.tuple(keyWords()), params: boundaryShapes() }),
    order: 0,
    primitive: 'randomBits',
    kernel: kernelCases<'randomBits'>({
      cases: fc.tuple(operandShapes, fc.nat(2 ** 32 - 1), fc.nat(2 ** 32 - 1)).map(([shape, k0, k1]) => ({
        params: {},
        inputs: [{ shape: [2], data: Uint32Array.of(k0, k1) }],
        outputs: [{ shape, data: new Uint32Array(sizeOf(shape)) }],
      })),
      bound: exact,
    }),
  }),
  operation({
    name: 'uniform',
    run: ([words], shape: readonly number[]) => uniform(words!.device, words!, shape),
    samples: () => fc.record({ inputs: fc.tuple(keyWords()), params: boundaryShapes() }),
    order: 0,
    primitive: 'bitsToUniform',
    kernel: kernelCases<'bitsToUniform'>({
      cases: fc
        .array(fc.oneof(fc.nat(2 ** 32 - 1), fc.constantFrom(0, 511, 512, 2 ** 32 - 1)), { minLength: 1, maxLength: 300 })
        .map((words) => ({
          params: {},
          inputs: [{ shape: [words.length], data: Uint32Array.from(words) }],
          outputs: [blank([words.length])],
        })),
      bound: exact,
    }),
  }),
  operation({
    name: 'gumbelSoftmax',
    run: ([logits, noise, temperature]) => gumbelSoftmax(logits!, { noise: noise!, temperature: temperature! }),
    samples: relaxed,
    order: 3,
  }),
  operation({
    name: 'gumbelMax',
    run: ([logits, noise]) => gumbelMax(logits!, { noise: noise! }),
    samples: relaxed,
    order: 0,
  }),
  operation({ name: 'oneHotArgmax', run: ([x]) => oneHotArgmax(x!), samples: relaxed, order: 0 }),
  operation({ name: 'straightThrough', run: ([hard, soft]) => straightThrough(hard!, soft!), samples: relaxed, order: 0 }),
  operation({ name: 'categoricalEntropy', run: ([logits]) => categoricalEntropy(logits!), samples: relaxed, order: 3, wrt: [0] }),
  operation({
    name: 'RelaxedOneHotCategorical.rsampleLog',
    run: ([logits, noise, temperature]) =>
      new RelaxedOneHotCategorical({ logits: logits!, temperature: temperature! }).rsampleLog({ noise: noise! }),
    samples: relaxed,
    order: 2,
  }),
  operation({
    name: 'RelaxedOneHotCategorical.logProb',
    run: ([logits, logZ, temperature]) =>
      new RelaxedOneHotCategorical({ logits: logits!, temperature: temperature! }).logProb({ logZ: logZ! }),
    samples: relaxed,
    order: 2,
  }),
  operation({
    name: 'RelaxedOneHotCategorical.score',
    run: ([logits, noise, temperature]) =>
      new RelaxedOneHotCategorical({ logits: logits!, temperature: temperature! }).score({ noise: noise! }),
    samples: relaxed,
    order: 0,
  }),
  operation({
    name: 'sgd',
    run: ([parameter, gradient, velocity], nesterov: boolean) => {
      const [p, v] = [clone(parameter!), clone(velocity!)];
      applyInPlace('sgd', { nesterov }, [gradient!, p.device.tensor(SGD_HYPER)], [p, v]);
      return concat([p, v]);
    },
    samples: update(1, fc.boolean()),
    order: 0,
    primitive: 'sgd',
    kernel: kernelCases<'sgd'>({
      cases: fc.tuple(operandShapes, seeds, fc.boolean()).map(([shape, seed, nesterov]) => ({
        params: { nesterov },
        inputs: [noise(seed, shape), noise(seed + 1, [4], 0, 1)],
        outputs: [noise(seed + 2, shape), noise(seed + 3, shape)],
      })),
      // Every intermediate value is below 16.
      bound: () => 16 * 4 * ULP,
    }),
  }),
  operation({
    name: 'adam',
    run: ([parameter, gradient, first, second]) => {
      const [p, m, v] = [clone(parameter!), clone(first!), clone(second!)];
      applyInPlace('adam', {}, [gradient!, p.device.tensor(ADAM_HYPER)], [p, m, v]);
      return concat([p, m, v]);
    },
    samples: update(2, fc.constant(null)),
    order: 0,
    primitive: 'adam',
    kernel: kernelCases<'adam'>({
      cases: fc.tuple(operandShapes, seeds).map(([shape, seed]) => ({
        params: {},
        inputs: [noise(seed, shape), { shape: [8], data: Float32Array.of(0.1, 0.1, 1e-3, 1e-8, 0.01, 0.2, 0.3, 0.5) }],
        outputs: [noise(seed + 1, shape), noise(seed + 2, shape), noise(seed + 3, shape, 0.1, 1)],
      })),
      bound: () => 16 * 4 * ULP,
    }),
  }),
];
