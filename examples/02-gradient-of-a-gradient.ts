/** @file A gradient of a gradient: a tower of derivatives, a Hessian-vector product, and a penalty on a gradient's length. */
import { cpu, grad, hvp, matmul, mul, relu, sqrt, square, sub, sum, type Tensor, tanh } from 'reparam';

const device = cpu({ dtype: 'float64' });
const numbers = async (t: Tensor): Promise<string> => Array.from(await t.data(), (v) => v.toFixed(6)).join(' ');

// createGraph records the gradient's own computation, so that it can be differentiated again, to any order.
const x = device.tensor([0.5]);
let derivative = tanh(x);
for (let order = 0; order <= 4; order++) {
  console.log(`tanh, derivative ${order} at 0.5:`, await numbers(derivative));
  [derivative] = grad(derivative, [x], { createGraph: true });
}

// f(p) = (1 - p0)^2 + 100 (p1 - p0^2)^2, Rosenbrock's function; its Hessian at (1, 1) is [[802, -400], [-400, 200]].
const rosenbrock = (p: Tensor): Tensor => {
  const p0 = matmul(device.tensor([[1, 0]]), p);
  const p1 = matmul(device.tensor([[0, 1]]), p);
  return sum(sub(square(sub(1, p0)), mul(-100, square(sub(p1, square(p0))))));
};
const [column] = hvp(rosenbrock, [device.tensor([[1], [1]])], [device.tensor([[1], [0]])]);
console.log('Hessian times (1, 0):', await numbers(column));

// A critic whose gradient by its input should have length 1: the penalty's gradient by the weights runs through that gradient.
const weight = device.parameter([0.6, -0.2, 0.1, 0.4], [2, 2]);
const input = device.tensor([[1, 2]]);
const critic = sum(relu(matmul(input, weight)));
const [slope] = grad(critic, [input], { createGraph: true });
const penalty = square(sub(sqrt(sum(square(slope))), 1));
const [dWeight] = grad(penalty, [weight]);
console.log('penalty:', await numbers(penalty));
console.log('d penalty / d weight:', await numbers(dWeight));
