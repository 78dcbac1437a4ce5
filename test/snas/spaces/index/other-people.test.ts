/** @file Three networks as other people have them, each made searchable in a few lines: residual, a transformer's block on vectors, branches. */
import { expect, it } from 'vitest';
import {
  add,
  cpu,
  foldIn,
  type Key,
  key,
  matmul,
  mul,
  normals,
  reshape,
  sigmoid,
  permute,
  slice,
  softmax,
  tanh,
  type Tensor,
} from '../../../../src/index.ts';
import type { BatchSource } from '../../../../src/data/index.ts';
import { BatchNorm2d, Conv2d, GlobalAvgPool2d, Identity, Layer, Linear, ReLU, Sequential } from '../../../../src/nn/index.ts';
import {
  choice,
  type NetworkFactory,
  none,
  PRESETS,
  regression,
  Search,
  type SearchData,
  type SearchOptions,
  spaceCost,
  sumOfPlaces,
} from '../../../../src/snas/index.ts';
import { quadrants } from '../../../support/tiny-search.ts';

const device = cpu({ dtype: 'float32' });
const images: SearchData = { train: quadrants(64, 1), validation: quadrants(32, 2) };

async function searched(space: NetworkFactory, data: SearchData, options: SearchOptions = {}, epochs = 2): Promise<Search> {
  const search = new Search(device, { ...PRESETS.smoke, seed: 1, epochs, batchSize: 16, eta: 0.1 }, data, {
    space,
    cost: (made) => spaceCost(made),
    ...options,
  });
  for await (const { loss } of search.run()) expect(Number.isFinite(loss)).toBe(true);
  return search;
}

/** A residual network whose inner widths are chosen. */
const residual: NetworkFactory = ({ device: on, key: seed, channels, classes }) => {
  const conv = (k: Key, from: number, to: number): Layer =>
    new Sequential(new Conv2d(on, k, from, to, 3, { padding: 1, bias: false }), new BatchNorm2d(on, to));
  class Residual extends Layer {
    readonly inner;
    constructor(index: number) {
      super();
      const k = foldIn(seed, index);
      const width = (w: number): Layer => new Sequential(conv(foldIn(k, w), 4, w), new ReLU(), conv(foldIn(k, 100 + w), w, 4));
      this.inner = choice(`block${index}`, { w2: width(2), w4: width(4), w8: width(8), none });
    }
    forward(x: Tensor): Tensor {
      return add(x, this.inner.forward(x));
    }
  }
  const head = new Linear(on, foldIn(seed, 1), 4, classes);
  return new Sequential(conv(foldIn(seed, 0), channels, 4), new Residual(2), new Residual(3), new GlobalAvgPool2d(), head);
};

/** Attention over four tokens of a vector of 16 numbers, then a feed-forward layer: heads, hidden width and gate are chosen. */
const transformer: NetworkFactory = ({ device: on, key: seed, item, classes }) => {
  const D = 4;
  class Attention extends Layer {
    readonly qkv: Linear;
    readonly heads: number;
    constructor(heads: number) {
      super();
      this.heads = heads;
      this.qkv = new Linear(on, foldIn(seed, heads), D, 3 * D);
    }
    forward(x: Tensor): Tensor {
      const [n, tokens] = x.shape as [number, number];
      const size = D / this.heads;
      const flat = reshape(this.qkv.forward(reshape(x, [n * tokens, D])), [n, tokens, 3, this.heads, size]);
      const part = (i: number): Tensor =>
        reshape(permute(reshape(sliceOf(flat, i), [n, tokens, this.heads, size]), [0, 2, 1, 3]), [n * this.heads, tokens, size]);
      const [q, k, v] = [part(0), part(1), part(2)];
      const weights = softmax(mul(matmul(q, permute(k, [0, 2, 1])), 1 / Math.sqrt(size)));
      const mixed = reshape(matmul(weights, v), [n, this.heads, tokens, size]);
      return reshape(permute(mixed, [0, 2, 1, 3]), [n, tokens, D]);
    }
  }
  class Network extends Layer {
    readonly attention = choice('heads', { h1: new Attention(1), h2: new Attention(2), h4: new Attention(4), none });
    readonly gate = choice('gate', { tanh, swish: (x: Tensor) => mul(x, sigmoid(x)) });
    readonly wide = (w: number): Layer =>
      new Sequential(new Linear(on, foldIn(seed, 10 + w), D, w), this.gate, new Linear(on, foldIn(seed, 50 + w), w, D));
    readonly feedForward = choice('width', { w4: this.wide(4), w16: this.wide(16), none });
    readonly head = new Linear(on, foldIn(seed, 90), item[0]!, classes);
    forward(x: Tensor): Tensor {
      const n = x.shape[0]!;
      const tokens = reshape(x, [n, item[0]! / D, D]);
      const attended = add(tokens, this.attention.forward(tokens));
      const rows = reshape(attended, [-1, D]);
      return this.head.forward(reshape(add(rows, this.feedForward.forward(rows)), [n, item[0]!]));
    }
  }
  return new Network();
};

/** Three branches over one image that share one choice of kernel, added up. */
const branches: NetworkFactory = ({ device: on, key: seed, channels, classes }) => {
  const branch = (index: number): Layer => {
    const conv = (kernel: number): Layer =>
      new Conv2d(on, foldIn(foldIn(seed, index), kernel), channels, 6, kernel, { padding: (kernel - 1) / 2 });
    return choice('kernel', { k1: conv(1), k3: conv(3), k5: conv(5) });
  };
  class Network extends Layer {
    readonly branches = [branch(1), branch(2), branch(3)];
    readonly head = new Sequential(new ReLU(), new GlobalAvgPool2d(), new Linear(on, foldIn(seed, 9), 6, classes));
    forward(x: Tensor): Tensor {
      return this.head.forward(sumOfPlaces(this.branches.map((layer) => layer.forward(x))));
    }
  }
  return new Network();
};

it('a residual network whose widths are chosen', async () => {
  using search = await searched(residual, images);
  expect(Object.keys(await search.strategy.derive())).toEqual(['block2', 'block3']);
});

it("a transformer's block on vectors, whose heads, width and gate are chosen, learns a regression", async () => {
  // The target is a product of two inputs, which a linear layer cannot make; the bound is below what the mean leaves (its variance, 1).
  const source = (n: number, seed: number): BatchSource => ({
    length: n,
    shape: [16],
    targetShape: [1],
    classes: 1,
    *batches({ batchSize }) {
      for (let from = 0; from + batchSize <= n; from += batchSize) {
        const x = Float32Array.from(normals(foldIn(key(seed), from), batchSize * 16));
        const y = Float32Array.from({ length: batchSize }, (_, i) => x[16 * i]! * x[16 * i + 1]!);
        yield { n: batchSize, images: x, labels: y };
      }
    },
  });
  using search = await searched(transformer, { train: source(512, 1), validation: source(128, 2) }, { task: regression }, 12);
  const { loss } = await search.parentScore(source(128, 3));
  expect(loss).toBeLessThan(0.85);
  const { choices } = search.space.layout;
  expect(choices.map(({ name }) => name)).toEqual(['heads', 'gate', 'width']);
});

it('branches that share one choice: one row of Z, three places, three sets of weights', async () => {
  using search = await searched(branches, images);
  expect(search.space.layout.choices).toHaveLength(1);
  expect(search.places).toHaveLength(3);
  const { kernel } = await search.strategy.derive();
  const child = await search.child();
  const side = Number(kernel!.slice(1));
  expect(child.parameterCount()).toBe(3 * (6 * side * side + 6) + 6 * 4 + 4);
  child.dispose();
});

it('an identity and a function are options as they are', async () => {
  const plain: NetworkFactory = ({ device: on, key: seed, item, classes }) =>
    new Sequential(
      new Linear(on, foldIn(seed, 0), item[0]!, 8),
      choice('act', { tanh, keep: new Identity() }),
      new Linear(on, foldIn(seed, 1), 8, classes),
    );
  const vectors = { images: Float32Array.from(normals(key(4), 64 * 5)), labels: Float32Array.from(normals(key(5), 64)) };
  const dataset = { ...vectors, channels: 5, height: 1, width: 1, shape: [5], classes: 0 };
  const data = { train: dataset, validation: dataset };
  // Both options read and write as much and have no weights: there is nothing to price.
  await expect(searched(plain, data)).rejects.toThrow(
    /all architectures of this space cost the same; eta 0.1 has nothing to act on/,
  );
  const config = { ...PRESETS.smoke, seed: 1, batchSize: 16 };
  using search = new Search(device, config, data, { space: plain, cost: (made) => spaceCost(made) });
  for await (const { expectedCost } of search.run()) expect(expectedCost).toBe(0);
  expect(Object.keys(await search.strategy.derive())).toEqual(['act']);
});

/** Part i of the third axis of [n, tokens, 3, heads, size]. */
function sliceOf(x: Tensor, i: number): Tensor {
  const [n, tokens, , heads, size] = x.shape as [number, number, number, number, number];
  return reshape(slice(x, [0, 0, i, 0, 0], [n, tokens, i + 1, heads, size]), [n, tokens, heads, size]);
}
