/**
 * @file A search space of your own: kernel, width and activation of three layers, priced by their parameters. `npx tsx examples/06-own-search-space.ts`
 * searches it on MNIST; the command line takes the same file: `npm run search -- --space examples/06-own-search-space.ts`.
 */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { add, cpu, foldIn, key, mul, relu, sigmoid, tanh, type Tensor } from 'reparam';
import { splitDataset } from 'reparam/data';
import { loadMnist } from 'reparam/data/node';
import { BatchNorm2d, Conv2d, GlobalAvgPool2d, Layer, Linear, MaxPool2d, Sequential } from 'reparam/nn';
import { choice, drawSpace, type NetworkContext, none, PRESETS, Search, spaceCost } from 'reparam/snas';

const CHANNELS = 8;

/** x + W2 f(W1 x): W1 a convolution of a chosen kernel to a chosen width, f a chosen activation; or x alone. */
class Block extends Layer {
  readonly body;

  constructor({ device, key: seed }: NetworkContext, index: number) {
    super();
    const k = foldIn(seed, index);
    // It stands in every option of the next choice: one row of Z, several places.
    const activation = choice(`activation${index}`, { relu, tanh, silu: (x: Tensor) => mul(x, sigmoid(x)) });
    const option = (kernel: number, width: number): Layer =>
      new Sequential(
        new Conv2d(device, foldIn(k, 100 * kernel + width), CHANNELS, width, kernel, { padding: (kernel - 1) / 2 }),
        new BatchNorm2d(device, width),
        activation,
        new Conv2d(device, foldIn(k, 1000 * kernel + width), width, CHANNELS, 1),
      );
    const options = { k3_w8: option(3, 8), k3_w16: option(3, 16), k5_w8: option(5, 8), k5_w16: option(5, 16) };
    this.body = choice(`layer${index}`, { ...options, none });
  }

  forward(x: Tensor): Tensor {
    return add(x, this.body.forward(x));
  }
}

/** What the command line calls, too. */
export default function network(context: NetworkContext): Layer {
  const { device, key: k, channels, classes } = context;
  return new Sequential(
    new Conv2d(device, foldIn(k, 1), channels, CHANNELS, 3, { stride: 2, padding: 1 }),
    new Block(context, 2),
    new Block(context, 3),
    new MaxPool2d(2),
    new Block(context, 4),
    new GlobalAvgPool2d(),
    new Linear(device, foldIn(k, 5), CHANNELS, classes),
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const device = cpu({ dtype: 'float32' });
  const mnist = await loadMnist();
  const [train, validation] = splitDataset(mnist.train, [960, 256], key(0));
  const config = { ...PRESETS.smoke, seed: 0, epochs: 3, eta: 0.5 };
  const search = new Search(
    device,
    config,
    { train, validation },
    {
      space: network,
      cost: (space) => spaceCost(space, { parameters: 1 }),
    },
  );
  const { choices, matrices } = search.space.layout;
  console.log(`choices: ${choices.map(({ name, options }) => `${name} (${options.length})`).join(', ')}`);
  console.log(`matrices: ${matrices.map((_, m) => `[${search.space.layout.shape(m).join(', ')}]`).join(' ')}`);
  for await (const { epoch, loss, childAccuracy, expectedCost } of search.run()) {
    console.log(`epoch ${epoch + 1}: loss ${loss.toFixed(3)}, child ${childAccuracy.toFixed(3)}, cost ${expectedCost.toFixed(3)}`);
  }
  const architecture = await search.strategy.derive();
  for (const [name, option] of Object.entries(architecture)) console.log(`${name}: ${option}`);
  const child = await search.child(architecture);
  console.log(`parameters: supernet ${search.supernet.parameterCount()}, child ${child.parameterCount()}`);
  const [, , picture] = process.argv;
  if (picture !== undefined) writeFileSync(picture, drawSpace(search.space, architecture));
}
