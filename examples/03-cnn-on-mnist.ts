/** @file A small convolutional network on MNIST: batches, modules, an optimiser with a schedule, and the test accuracy. */
import { cpu, crossEntropy, type Device, grad, key, noGrad, scope, webgpu } from 'reparam';
import { batches, channelStatistics, type Dataset, splitDataset } from 'reparam/data';
import { loadMnist } from 'reparam/data/node';
import { BatchNorm2d, Conv2d, Flatten, type Layer, Linear, ReLU, Sequential } from 'reparam/nn';
import { cosine, SGD } from 'reparam/optim';

const EPOCHS = 3;
const BATCH = 50;

const device = await webgpu().catch(() => cpu({ dtype: 'float32' }));
console.log(`device: ${device.name}`);

const mnist = await loadMnist();
const [training, test] = [splitDataset(mnist.train, [2000], key(0))[0], splitDataset(mnist.test, [1000], key(0))[0]];
const standardise = channelStatistics(training);

const network = new Sequential(
  new Conv2d(device, key(1), 1, 8, 3, { stride: 2, padding: 1, bias: false }),
  new BatchNorm2d(device, 8),
  new ReLU(),
  new Conv2d(device, key(2), 8, 16, 3, { stride: 2, padding: 1, bias: false }),
  new BatchNorm2d(device, 16),
  new ReLU(),
  new Flatten(),
  new Linear(device, key(3), 16 * 7 * 7, 10),
);
console.log(`parameters: ${network.parameterCount()}`);

const parameters = network.parameters();
const sgd = new SGD(parameters, { lr: 0.05, momentum: 0.9, nesterov: true, weightDecay: 3e-4 });
const schedule = cosine(0.05, 0, (EPOCHS * training.labels.length) / BATCH);

for (let epoch = 0; epoch < EPOCHS; epoch++) {
  let total = 0;
  for (const batch of batches(training, { batchSize: BATCH, key: key(4), epoch, standardise, augment: { crop: 1 } })) {
    sgd.lr = schedule(sgd.steps);
    const loss = scope(() => {
      const images = device.tensor(batch.images, [batch.n, 1, 28, 28]);
      const meanLoss = crossEntropy(network.forward(images), device.tensor(batch.labels));
      sgd.step(grad(meanLoss, parameters));
      return meanLoss;
    });
    total += await loss.item();
    loss.dispose();
  }
  console.log(`epoch ${epoch + 1}: mean loss ${((total * BATCH) / training.labels.length).toFixed(3)}`);
}
console.log(`test accuracy: ${(await accuracy(network.eval(), test, device)).toFixed(3)}`);

async function accuracy(model: Layer, data: Dataset, on: Device): Promise<number> {
  let right = 0;
  for (const { images, labels, n } of batches(data, { batchSize: 100, standardise })) {
    const logits = noGrad(() => scope(() => model.forward(on.tensor(images, [n, 1, 28, 28]))));
    const scores = await logits.data();
    logits.dispose();
    for (let i = 0; i < n; i++) {
      const row = scores.subarray(i * 10, (i + 1) * 10);
      if (row.indexOf(Math.max(...row)) === labels[i]) right++;
    }
  }
  return right / data.labels.length;
}
