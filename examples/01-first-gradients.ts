/** @file First gradients: of a loss by its weights and by a tensor in the middle, and a line fitted with them. */
import { add, cpu, grad, matmul, mean, scope, square, sub } from 'reparam';
import { SGD } from 'reparam/optim';

const device = cpu({ dtype: 'float64' });
const show = async (name: string, t: { data(): Promise<ArrayLike<number>> }): Promise<void> =>
  console.log(name, Array.from(await t.data(), (v) => Number(v.toFixed(4))).join(' '));

// Four points on the plane y = 2 a - 3 b + 1.
const x = device.tensor([
  [0, 0],
  [1, 0],
  [0, 1],
  [1, 1],
]);
const y = device.tensor([[1], [3], [-2], [0]]);
const weight = device.parameter([0, 0], [2, 1]);
const bias = device.parameter([0], [1]);

// A graph is what the operations record as they run; a gradient can be taken by any tensor in it.
const prediction = add(matmul(x, weight), bias);
const loss = mean(square(sub(prediction, y)));
const [dWeight, dBias, dPrediction] = grad(loss, [weight, bias, prediction]);

await show('loss', loss); // mean of 1, 9, 4, 0
await show('d loss / d weight', dWeight);
await show('d loss / d bias', dBias);
await show('d loss / d prediction', dPrediction); // 2 (prediction - y) / 4

// Inside scope() every tensor that a step makes is freed at its end; parameters stay.
const sgd = new SGD([weight, bias], { lr: 0.5 });
const before = device.memory().tensors;
for (let step = 0; step < 100; step++) {
  scope(() => {
    const error = mean(square(sub(add(matmul(x, weight), bias), y)));
    sgd.step(grad(error, [weight, bias]));
  });
}
await show('weight after 100 steps', weight);
await show('bias after 100 steps', bias);
console.log('tensors left over', device.memory().tensors - before);
