/**
 * @file NaN, infinities and zeros of either sign through every operation of the registry: a device's value and first gradient beside
 * the float64 device's. One row an operation: which inputs take special values, and what is exempt.
 */
import fc from 'fast-check';
import { type Device, grad, scope, type Tensor } from '../../src/index.ts';
import { type Operation, type Sample, toTensor } from '../../src/testing/properties/index.ts';

/** What is put among ordinary numbers. */
export const SPECIAL: readonly number[] = [NaN, Infinity, -Infinity, 0, -0, 1, -2];

export interface SpecialRow {
  /** Inputs that take special values; all others keep those of the registry. Default: all. */
  readonly inputs?: readonly number[];
  /** Which special values they take. Default: all. */
  readonly values?: readonly number[];
  /**
   * What is not finite in float64 must not be finite, and what is may be NaN as well, never another number; and why. Without it, NaN is
   * NaN and an infinity that infinity.
   */
  readonly spreads?: string;
  /** The sign of a zero is compared too, in the value. */
  readonly signedZero?: true;
}

/** Operations without a row here have no floats to put special values into: the reason. */
export const noFloats: Readonly<Record<string, string>> = {
  randomBits: 'the key is an integer',
  uniform: 'the key is an integer',
};

const labelled: SpecialRow = { inputs: [0] };
const window: SpecialRow = { spreads: 'kernels add products with the zeros around an image and beyond its last tile' };
const statistics: SpecialRow = { spreads: 'kernels subtract the mean first, which is infinite where a value is' };

export const specialRows: Readonly<Record<string, SpecialRow>> = {
  // elementwise
  neg: { signedZero: true },
  exp: {},
  log: {},
  sqrt: {},
  reciprocal: {},
  relu: {},
  step: {},
  tanh: {},
  erf: {},
  sigmoid: {},
  softplus: {},
  logSigmoid: {},
  abs: {},
  square: {},
  gelu: {},
  add: {},
  addAll: {},
  sub: {},
  mul: { signedZero: true },
  div: {},
  maximum: { signedZero: true },
  minimum: {},
  equal: {},
  greater: {},
  where: {},
  // layout
  reshape: { signedZero: true },
  flatten: { signedZero: true },
  alias: { signedZero: true },
  clone: { signedZero: true },
  permute: { signedZero: true },
  transpose: { signedZero: true },
  broadcastTo: { signedZero: true },
  slice: { signedZero: true },
  flip: { signedZero: true },
  pad: { signedZero: true },
  concat: { signedZero: true },
  stack: { signedZero: true },
  assign: { signedZero: true },
  zerosLike: {},
  onesLike: {},
  detach: { signedZero: true },
  oneHot: {},
  // reductions
  sumTo: {},
  sum: {},
  mean: {},
  variance: {},
  max: {},
  logSumExp: {},
  dot: {},
  // products
  matmul: {},
  linear: {},
  take: labelled,
  put: labelled,
  conv2d: window,
  conv2dInput: window,
  conv2dFilter: window,
  'conv2d (bias)': window,
  // layers
  maxPool2d: {},
  maxPoolIndices: {},
  avgPool2d: {},
  globalAvgPool2d: {},
  batchNorm2d: statistics,
  'batchNorm2d (without weight and bias)': {},
  'batchNorm2d (evaluation)': {},
  'batchNorm2d (running statistics)': statistics,
  softmax: {},
  logSoftmax: {},
  crossEntropy: labelled,
  dropPath: {},
  mixedSum: {},
  // sampling
  gumbelSoftmax: { inputs: [0, 1] },
  gumbelMax: {},
  oneHotArgmax: {},
  straightThrough: {},
  categoricalEntropy: {},
  'RelaxedOneHotCategorical.rsampleLog': { inputs: [0, 1] },
  'RelaxedOneHotCategorical.logProb': { inputs: [0, 1] },
  'RelaxedOneHotCategorical.score': { inputs: [0, 1] },
  sgd: {},
  adam: {},
};

/** A small case of the operation, rounded to float32, some of whose numbers are special. */
export function specialCases(op: Operation, row: SpecialRow): fc.Arbitrary<Sample> {
  const place = fc.record({ input: fc.nat(), element: fc.nat(), value: fc.constantFrom(...(row.values ?? SPECIAL)) });
  return fc.tuple(op.samples('small'), fc.array(place, { minLength: 1, maxLength: 4 })).map(([sample, places]) => {
    const inputs = sample.inputs.map((x) => ({ ...x, values: Array.from(x.values, Math.fround) }));
    const targets = (row.inputs ?? inputs.map((_, i) => i)).map((i) => inputs[i]!).filter((x) => x && x.values.length > 0);
    for (const { input, element, value } of places) {
      const target = targets[input % Math.max(1, targets.length)];
      if (target) target.values[element % target.values.length] = value;
    }
    return { ...sample, inputs };
  });
}

interface Results {
  readonly value: ArrayLike<number>;
  readonly gradients: readonly ArrayLike<number>[];
}

/** The value, and the gradient of its sum with weights 1, 2, 1, 2, ... by each input. */
async function resultsOn(device: Device, op: Operation, sample: Sample): Promise<Results> {
  const inputs = sample.inputs.map((value) => toTensor(device, value));
  const wanted = op.order > 0 ? (op.wrt ?? inputs.map((_, i) => i)).map((i) => inputs[i]!) : [];
  const [y, ...gradients] = scope((): Tensor[] => {
    const value = op.run(inputs, sample.params);
    if (wanted.length === 0) return [value];
    const cotangent = device.tensor(
      Float64Array.from({ length: value.size }, (_, i) => 1 + (i % 2)),
      value.shape,
    );
    return [value, ...grad(value, wanted, { cotangent, unused: 'zeros' })];
  });
  const found: Results = { value: await y!.data(), gradients: await Promise.all(gradients.map((g) => g.data())) };
  for (const t of [y!, ...gradients, ...inputs]) t.dispose();
  return found;
}

/** What a number is once rounding is set aside: two numbers of one kind are within a thousandth, or both all but 0. */
function agrees(got: number, expected: number, signedZero: boolean): boolean {
  if (Number.isNaN(expected)) return Number.isNaN(got);
  if (!Number.isFinite(expected)) return got === expected;
  if (signedZero && expected === 0) return Object.is(got, expected);
  return Math.abs(got - expected) <= 1e-3 * Math.abs(expected) + 1e-4;
}

/** Where a device's results differ in kind from float64's; undefined if they do not. */
export async function difference(
  op: Operation,
  row: SpecialRow,
  sample: Sample,
  device: Device,
  reference: Device,
): Promise<string | undefined> {
  const got = await resultsOn(device, op, sample);
  const expected = await resultsOn(reference, op, sample);
  const parts = [
    { name: 'value', got: got.value, expected: expected.value, signedZero: row.signedZero === true },
    ...expected.gradients.map((g, i) => ({ name: `gradient ${i}`, got: got.gradients[i]!, expected: g, signedZero: false })),
  ];
  for (const part of parts) {
    for (let i = 0; i < part.expected.length; i++) {
      if (row.spreads !== undefined && Number.isNaN(part.got[i]!)) continue;
      if (row.spreads !== undefined && !Number.isFinite(part.expected[i]!) && !Number.isFinite(part.got[i]!)) continue;
      if (!agrees(part.got[i]!, part.expected[i]!, part.signedZero)) {
        return `${part.name}: [${Array.from(part.got).join(', ')}] for [${Array.from(part.expected).join(', ')}], element ${i}`;
      }
    }
  }
  return undefined;
}
