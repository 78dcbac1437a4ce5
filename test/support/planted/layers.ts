/** @file Planted wrong rules for products, normalisation, softmax and its losses, and the mixed operation. */
import {
  add,
  batchNorm2d,
  crossEntropy,
  type CrossEntropyOptions,
  detach,
  div,
  dot,
  linear,
  logSoftmax,
  matmul,
  mean,
  mixedSum,
  mul,
  oneHot,
  put,
  reshape,
  slice,
  softmax,
  sqrt,
  square,
  stack,
  sub,
  sum,
  take,
  type Tensor,
  transpose,
} from '../../../src/index.ts';
import { gumbelSoftmax } from '../../../src/distributions/index.ts';
import { plant, type PlantedRule } from './rule.ts';

interface Flags {
  readonly transposeA: boolean;
  readonly transposeB: boolean;
}

const CHANNEL = [0, 2, 3] as const;
const keep = { keepDims: true } as const;

interface Normalised {
  readonly hat: Tensor;
  readonly deviation: Tensor;
  readonly count: number;
}

/** The pieces of batch normalisation's gradient. */
function normalised(x: Tensor): Normalised {
  const centred = sub(x, mean(x, CHANNEL, keep));
  const deviation = sqrt(add(mean(square(centred), CHANNEL, keep), 1e-5));
  return { hat: div(centred, deviation), deviation, count: x.size / x.shape[1]! };
}

/** Batch norm with a wrong gradient in x, from the cotangent of the normalised values and the pieces. */
function wrongNorm(wrong: string, gradient: (gh: Tensor, pieces: Normalised) => Tensor): PlantedRule {
  return plant(
    'batchNorm2d',
    wrong,
    ([x, weight, bias]) => batchNorm2d(x!, { weight: weight!, bias: bias! }),
    (g, { inputs: [x, weight] }) => {
      const pieces = normalised(x!);
      const gh = mul(g, reshape(weight!, [1, weight!.size, 1, 1]));
      return [gradient(gh, pieces), sum(mul(g, pieces.hat), CHANNEL), sum(g, CHANNEL)];
    },
  );
}

const meanOf = (t: Tensor): Tensor => mean(t, CHANNEL, keep);

function rightNorm(gh: Tensor, { hat, deviation }: Normalised): Tensor {
  return div(sub(sub(gh, meanOf(gh)), mul(hat, meanOf(mul(gh, hat)))), deviation);
}

function alongAxis(
  wrong: string,
  of: 'softmax' | 'logSoftmax',
  gradient: (g: Tensor, y: Tensor, axis: number) => Tensor,
): PlantedRule {
  return plant(
    of,
    wrong,
    ([x], axis: number) => (of === 'softmax' ? softmax(x!, axis) : logSoftmax(x!, axis)),
    (g, { output, params: axis }) => [gradient(g, output, axis)],
  );
}

function wrongLoss(wrong: string, gradient: (logits: Tensor, target: Tensor) => Tensor): PlantedRule {
  return plant(
    'crossEntropy',
    wrong,
    ([logits, labels], options: CrossEntropyOptions) => crossEntropy(logits!, labels!, { ...options, reduction: 'mean' }),
    (g, { inputs: [logits, labels], params }) => {
      const classes = logits!.shape[1]!;
      const smoothing = params.labelSmoothing ?? 0;
      const target = add(mul(oneHot(labels!, classes), 1 - smoothing), smoothing / classes);
      return [mul(g, gradient(logits!, target)), undefined];
    },
  );
}

function wrongProduct(wrong: string, gradients: (g: Tensor, a: Tensor, b: Tensor) => readonly [Tensor, Tensor]): PlantedRule {
  return plant(
    'matmul',
    wrong,
    ([a, b], flags: Flags) => matmul(a!, b!, flags),
    (g, { inputs: [a, b], params: { transposeA, transposeB } }) => {
      const p = transposeA ? transpose(a!) : a!;
      const q = transposeB ? transpose(b!) : b!;
      const [ga, gb] = gradients(g, p, q);
      return [transposeA ? transpose(ga) : ga, transposeB ? transpose(gb) : gb];
    },
  );
}

const isSquare = (x: Tensor): boolean => x.shape.at(-1) === x.shape.at(-2);

export const layers: readonly PlantedRule[] = [
  wrongProduct('transposed weight where it is square', (g, a, b) => [
    matmul(g, b, { transposeB: !isSquare(b) }),
    matmul(a, g, { transposeA: true }),
  ]),
  wrongProduct('left operand not transposed where it is square', (g, a, b) => [
    matmul(g, b, { transposeB: true }),
    matmul(a, g, { transposeA: !isSquare(a) }),
  ]),
  wrongProduct('other operand taken as a constant: only order 2 sees it', (g, a, b) => [
    matmul(g, detach(b), { transposeB: true }),
    matmul(detach(a), g, { transposeA: true }),
  ]),
  plant(
    'linear',
    'bias gradient of the first row alone',
    ([x, w, b]) => linear(x!, w!, b),
    (g, { inputs: [x, w, b] }) => [matmul(g, w!), matmul(g, x!, { transposeA: true }), reshape(slice(g, [0], [1]), b!.shape)],
  ),
  plant(
    'take',
    'averaged over equal indices, not added',
    ([x, index]) => take(x!, index!),
    (g, { inputs: [x, index] }) => {
      const n = x!.shape[1]!;
      const counts = put(g.device.ones(g.shape), index!, n);
      return [div(put(g, index!, n), add(counts, sub(1, mul(counts, put(g.device.zeros(g.shape), index!, n))))), undefined];
    },
  ),
  wrongNorm('mean term missing', (gh, { hat, deviation }) => div(sub(gh, mul(hat, meanOf(mul(gh, hat)))), deviation)),
  wrongNorm('variance term missing', (gh, { deviation }) => div(sub(gh, meanOf(gh)), deviation)),
  wrongNorm('both terms missing, as in evaluation', (gh, { deviation }) => div(gh, deviation)),
  wrongNorm('N - 1 for N in the variance term', (gh, { hat, deviation, count }) =>
    div(sub(sub(gh, meanOf(gh)), mul(mul(hat, meanOf(mul(gh, hat))), count / (count - 1))), deviation),
  ),
  wrongNorm('deviation taken as a constant: only order 2 sees it', (gh, pieces) =>
    rightNorm(gh, { ...pieces, deviation: detach(pieces.deviation) }),
  ),
  plant(
    'batchNorm2d',
    'weight gradient with x for the normalised x',
    ([x, weight, bias]) => batchNorm2d(x!, { weight: weight!, bias: bias! }),
    (g, { inputs: [x, weight] }) => [
      rightNorm(mul(g, reshape(weight!, [1, weight!.size, 1, 1])), normalised(x!)),
      sum(mul(g, x!), CHANNEL),
      sum(g, CHANNEL),
    ],
  ),
  plant(
    'batchNorm2d',
    'bias gradient averaged',
    ([x, weight, bias]) => batchNorm2d(x!, { weight: weight!, bias: bias! }),
    (g, { inputs: [x, weight] }) => {
      const pieces = normalised(x!);
      return [
        rightNorm(mul(g, reshape(weight!, [1, weight!.size, 1, 1])), pieces),
        sum(mul(g, pieces.hat), CHANNEL),
        mean(g, CHANNEL),
      ];
    },
  ),
  alongAxis('diagonal of the Jacobian alone', 'softmax', (g, y) => mul(g, mul(y, sub(1, y)))),
  alongAxis('sum term missing', 'softmax', (g, y) => mul(g, y)),
  alongAxis('sum over the wrong axis', 'softmax', (g, y) => mul(y, sub(g, sum(mul(g, y), 0, keep)))),
  alongAxis('y taken as a constant: only order 2 sees it', 'softmax', (g, y, axis) => {
    const fixed = detach(y);
    return mul(fixed, sub(g, sum(mul(g, fixed), axis, keep)));
  }),
  alongAxis('sum of the cotangent missing', 'logSoftmax', (g, y, axis) => sub(g, mul(softmax(y, axis), g))),
  wrongLoss('1/N missing', (logits, target) => sub(softmax(logits), target)),
  wrongLoss('target not subtracted', (logits) => div(softmax(logits), logits.shape[0]!)),
  wrongLoss('sign', (logits, target) => div(sub(target, softmax(logits)), logits.shape[0]!)),
  plant(
    'mixedSum',
    'gradient of the weights averaged over elements',
    ([z, ...xs]) => mixedSum(z!, xs),
    (g, { inputs: [z, ...xs] }) => [
      stack(xs.map((x) => div(dot(g, x), g.size))),
      ...xs.map((_, k) => mul(g, reshape(slice(z!, [k], [k + 1]), []))),
    ],
  ),
  plant(
    'mixedSum',
    'weight missing in the gradient of the branches',
    ([z, ...xs]) => mixedSum(z!, xs),
    (g, { inputs: [, ...xs] }) => [stack(xs.map((x) => dot(g, x))), ...xs.map(() => g)],
  ),
  plant(
    'gumbelSoftmax',
    'not divided by the temperature',
    ([logits, noise, temperature]) => gumbelSoftmax(logits!, { noise: noise!, temperature: temperature! }),
    (g, { inputs: [logits, noise, temperature], output: y }) => {
      const gy = mul(y, sub(g, sum(mul(g, y), -1, keep)));
      const scores = div(add(logits!, noise!), temperature!);
      return [gy, gy, reshape(div(mul(sum(mul(gy, scores)), -1), temperature!), [1])];
    },
  ),
];
