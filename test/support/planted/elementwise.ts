/** @file Planted wrong rules for elementwise operations. */
import {
  abs,
  add,
  detach,
  div,
  erf,
  exp,
  gelu,
  greater,
  log,
  maximum,
  mean,
  mul,
  neg,
  reciprocal,
  relu,
  reshape,
  sigmoid,
  slice,
  softplus,
  sqrt,
  square,
  step,
  sub,
  sumTo,
  tanh,
  type Tensor,
  where,
} from '../../../src/index.ts';
import { plant, type PlantedRule, plantUnary } from './rule.ts';

/** The mask of the first input of each shape, kept for all later ones: a buffer that was not refreshed. */
const staleMasks = new Map<string, number[]>();

function staleMask(x: Tensor, values: readonly number[]): Tensor {
  const name = x.shape.join();
  const kept = staleMasks.get(name) ?? values.map((v) => (v > 0 ? 1 : 0));
  staleMasks.set(name, kept);
  return x.device.tensor(kept, x.shape);
}

/** Reads a CPU tensor at once, as a careless kernel would keep a buffer. */
function valuesOf(x: Tensor): number[] {
  const seen: number[] = [];
  x.device.launch({ kind: 'cpu', name: 'look', run: ([data]) => void seen.push(...data!) }, [x], []);
  return seen;
}

/** Takes the first slice along each broadcast axis where the sum over it belongs. */
function firstSlice(g: Tensor, shape: readonly number[]): Tensor {
  const lead = g.rank - shape.length;
  const stop = g.shape.map((d, i) => (i < lead || shape[i - lead] === 1 ? 1 : d));
  return reshape(slice(g, [], stop), shape);
}

/** e^x, whose derivative is right and whose second derivative is 0. */
const expOnce = (x: Tensor): Tensor => plantUnary('exp', 'once', exp, (g, _x, y) => mul(g, detach(y))).run([x], null);

export const elementwise: readonly PlantedRule[] = [
  plantUnary('neg', 'sign missing', neg, (g) => g),
  plantUnary('exp', 'factor y missing', exp, (g) => g),
  plantUnary('exp', 'one part in a million too large', exp, (g, _x, y) => mul(mul(g, y), 1 + 1e-6)),
  plantUnary('exp', 'y taken as a constant: only order 2 sees it', exp, (g, _x, y) => mul(g, detach(y))),
  plantUnary('exp', 'y taken as a constant one order on: only order 3 sees it', exp, (g, x) => mul(g, expOnce(x))),
  plantUnary('exp', 'NaN where y is above 2', exp, (g, _x, y) => mul(mul(g, y), sqrt(add(2, neg(mul(step(sub(y, 2)), 3)))))),
  plantUnary('log', 'multiplied by x, not divided', log, (g, x) => mul(g, x)),
  plantUnary('log', 'x taken as a constant: only order 2 sees it', log, (g, x) => div(g, detach(x))),
  plantUnary('sqrt', 'half missing', sqrt, (g, _x, y) => div(g, y)),
  plantUnary('sqrt', 'y taken as a constant: only order 2 sees it', sqrt, (g, _x, y) => div(mul(g, 0.5), detach(y))),
  plantUnary('reciprocal', 'sign missing', reciprocal, (g, _x, y) => mul(g, mul(y, y))),
  plantUnary('reciprocal', 'y where y squared belongs', reciprocal, (g, _x, y) => neg(mul(g, y))),
  plantUnary('relu', 'mask missing', relu, (g) => g),
  plantUnary('relu', 'stale mask: the first input of this shape is remembered', relu, (g, x) => mul(g, staleMask(x, valuesOf(x)))),
  plantUnary('tanh', 'y not squared', tanh, (g, _x, y) => mul(g, sub(1, y))),
  plantUnary('tanh', 'y taken as a constant: only order 2 sees it', tanh, (g, _x, y) => mul(g, sub(1, square(detach(y))))),
  plantUnary('erf', '2 / sqrt(pi) missing', erf, (g, x) => mul(g, exp(neg(square(x))))),
  plantUnary('abs', 'sign lost', abs, (g) => g),
  plantUnary('square', 'two missing', square, (g, x) => mul(g, x)),
  plantUnary('sigmoid', '1 - y missing', sigmoid, (g, _x, y) => mul(g, y)),
  plantUnary('softplus', 'tanh where the sigmoid belongs', softplus, (g, x) => mul(g, tanh(x))),
  plantUnary('gelu', 'derivative of the approximation x sigmoid(1.702 x)', gelu, (g, x) => {
    const s = sigmoid(mul(x, 1.702));
    return mul(g, add(s, mul(mul(mul(x, 1.702), s), sub(1, s))));
  }),
  plantUnary('square', 'cotangent clipped at 1: not linear in it', square, (g, x) => mul(neg(maximum(neg(g), -1)), mul(x, 2))),
  plant(
    'add',
    'broadcast operand not summed over',
    ([a, b]) => add(a!, b!),
    (g, { inputs: [a, b] }) => [firstSlice(g, a!.shape), firstSlice(g, b!.shape)],
  ),
  plant(
    'sub',
    'sign of the second operand',
    ([a, b]) => sub(a!, b!),
    (g, { inputs: [a, b] }) => [sumTo(g, a!.shape), sumTo(g, b!.shape)],
  ),
  plant(
    'mul',
    'operands exchanged',
    ([a, b]) => mul(a!, b!),
    (g, { inputs: [a, b] }) => [sumTo(mul(g, a!), a!.shape), sumTo(mul(g, b!), b!.shape)],
  ),
  plant(
    'mul',
    'mean over the broadcast axes, not the sum',
    ([a, b]) => mul(a!, b!),
    (g, { inputs: [a, b], output }) => [
      mul(sumTo(mul(g, b!), a!.shape), a!.size / output.size),
      mul(sumTo(mul(g, a!), b!.shape), b!.size / output.size),
    ],
  ),
  plant(
    'mul',
    'other operand taken as a constant: only order 2 sees it',
    ([a, b]) => mul(a!, b!),
    (g, { inputs: [a, b] }) => [sumTo(mul(g, detach(b!)), a!.shape), sumTo(mul(g, detach(a!)), b!.shape)],
  ),
  plant(
    'div',
    'denominator lost in the second gradient',
    ([a, b]) => div(a!, b!),
    (g, { inputs: [a, b], output }) => [sumTo(div(g, b!), a!.shape), neg(sumTo(mul(g, output), b!.shape))],
  ),
  plant(
    'div',
    'quotient taken as a constant: only order 2 sees it',
    ([a, b]) => div(a!, b!),
    (g, { inputs: [a, b], output }) => [sumTo(div(g, b!), a!.shape), neg(sumTo(div(mul(g, detach(output)), b!), b!.shape))],
  ),
  plant(
    'maximum',
    'gradient to the smaller operand',
    ([a, b]) => maximum(a!, b!),
    (g, { inputs: [a, b] }) => [sumTo(mul(g, greater(b!, a!)), a!.shape), sumTo(mul(g, greater(a!, b!)), b!.shape)],
  ),
  plant(
    'where',
    'branches exchanged',
    ([c, a, b]) => where(c!, a!, b!),
    (g, { inputs: [c, a, b] }) => [undefined, sumTo(where(c!, 0, g), a!.shape), sumTo(where(c!, g, 0), b!.shape)],
  ),
  plant(
    'where',
    'gradient to both branches',
    ([c, a, b]) => where(c!, a!, b!),
    (g, { inputs: [, a, b] }) => [undefined, sumTo(g, a!.shape), sumTo(g, b!.shape)],
  ),
  plantUnary('tanh', 'noise of 1e-9 that differs from run to run', tanh, (g, _x, y) => {
    noise = -noise;
    return mul(mul(g, sub(1, square(y))), 1 + noise);
  }),
  plantUnary('sigmoid', 'mean cotangent for every element', sigmoid, (g, _x, y) => mul(mean(g), mul(y, sub(1, y)))),
];

let noise = 1e-9;
