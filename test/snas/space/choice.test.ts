/** @file What a choice is: its sum, its names, its errors, what is never computed, and whose noise is whose. */
import { describe, expect, it } from 'vitest';
import { Conv2d, Identity, Layer, Linear, Sequential } from '../../../src/nn/index.ts';
import { capture, cpu, key, mul, noGrad, normals, OptionShapeError, scope, tanh, type Tensor } from '../../../src/index.ts';
import {
  architectureParameters,
  choice,
  type ChoiceWeights,
  type NetworkContext,
  type NetworkFactory,
  none,
  type Option,
  SearchSpace,
  sumOfPlaces,
} from '../../../src/snas/index.ts';

const device = cpu();
const context: NetworkContext = { device, key: key(1), channels: 3, height: 1, width: 1, item: [3], classes: 3 };

/** A network of layers one after another. */
function chainOf(make: (context: NetworkContext) => Layer[]): NetworkFactory {
  return (c) => new Sequential(...make(c));
}

const linear = (seed: number): Linear => new Linear(device, key(seed), 3, 3);

function weights(space: SearchSpace, rows: readonly (readonly number[])[]): ChoiceWeights {
  return space.layout.upload(device, space.layout.toMatrices(rows));
}

const x = device.parameter(normals(key(2), 6), [2, 3]);
const values = (t: Tensor): Promise<ArrayLike<number>> => t.data();

/** A plain module of a user's own that holds a choice. */
class Plain extends Layer {
  readonly act = choice('act', { tanh, double: (t: Tensor) => mul(t, 2), none });
  readonly first = linear(5);

  forward(input: Tensor): Tensor {
    return this.act.forward(this.first.forward(input));
  }
}

describe('a choice', () => {
  it('puts out sum_k Z_k O_k(x), of a layer, a function and none, in a plain module (equation 10)', async () => {
    const space = new SearchSpace(() => new Plain(), context);
    const network = space.network as Plain;
    const z = [0.2, 0.5, 0.3];
    const out = await values(scope(() => noGrad(() => space.forward(x, weights(space, [z])))));
    const h = await values(scope(() => network.first.forward(x)));
    Array.from(h).forEach((v, i) => expect(out[i]).toBeCloseTo(0.2 * Math.tanh(v) + 0.5 * 2 * v, 12));
  });

  it('of a name that occurs twice shares one row of Z, and its weights are its own', async () => {
    const options = (seed: number): Record<string, Option> => ({ linear: linear(seed), keep: new Identity() });
    const space = new SearchSpace(
      chainOf(() => [choice('a', options(1)), choice('b', { l: linear(9), r: linear(10) }), choice('a', options(2))]),
      context,
    );
    expect(space.layout.choices.map(({ name }) => name)).toEqual(['a', 'b']);
    expect(space.places([2, 3]).map(({ choice: c, name }) => [c, name])).toEqual([
      [0, '0'],
      [1, '1'],
      [0, '2'],
    ]);
    expect(space.network.namedParameters().map(([name]) => name)).toEqual([
      '0.linear.weight',
      '0.linear.bias',
      '1.l.weight',
      '1.l.bias',
      '1.r.weight',
      '1.r.bias',
      '2.linear.weight',
      '2.linear.bias',
    ]);
  });

  it('of a name that occurs twice with other options is refused', () => {
    const make = chainOf(() => [choice('a', { k: linear(1), none }), choice('a', { m: linear(2), none })]);
    expect(() => new SearchSpace(make, context)).toThrow(
      /choice a: it is made twice, with the options k, none and with m, none: choices of one name share their Z/,
    );
  });

  it('may stand in an option, two levels deep: its part is weighed by the options on the way', async () => {
    const make = chainOf(() => {
      const inner = choice('inner', { three: (t: Tensor) => mul(t, 3), none });
      const middle = choice('middle', { deep: new Sequential(inner), keep: new Identity() });
      return [choice('outer', { in: new Sequential(middle), zero: (t: Tensor) => mul(t, 0) })];
    });
    const space = new SearchSpace(make, context);
    expect(space.layout.choices.map(({ name }) => name)).toEqual(['inner', 'middle', 'outer']);
    const places = space.places([2, 3]);
    expect(places.map(({ choice: c, path }) => [c, path])).toEqual([
      [2, []],
      [1, [{ choice: 2, option: 0 }]],
      [
        0,
        [
          { choice: 2, option: 0 },
          { choice: 1, option: 0 },
        ],
      ],
    ]);
    const z = weights(space, [
      [0.25, 0.75],
      [0.5, 0.5],
      [0.4, 0.6],
    ]);
    const out = await values(scope(() => noGrad(() => space.forward(x, z))));
    Array.from(await x.data()).forEach((v, i) => expect(out[i]).toBeCloseTo(0.4 * (0.5 * 0.25 * 3 + 0.5) * v, 12));
  });

  it('never computes none: a choice with it launches what the same choice without it launches, less its weight', async () => {
    const launches = async (options: () => Record<string, Option>): Promise<number> => {
      const space = new SearchSpace(
        chainOf(() => [choice('a', options())]),
        context,
      );
      const z = weights(space, [Object.keys(options()).map(() => 0.5)]);
      const step = capture((input: Tensor) => space.forward(input, z));
      await step.prepare([x]);
      return step.info!.launches;
    };
    const two = await launches(() => ({ l: linear(1), d: (t: Tensor) => tanh(t) }));
    const withNone = await launches(() => ({ l: linear(1), d: (t: Tensor) => tanh(t), none }));
    // One slice takes the two weights out of the three.
    expect(withNone - two).toBe(1);
  });

  it('whose options differ in shape is refused by name with both shapes, and nothing was launched', () => {
    const image: NetworkContext = { ...context, item: [3, 8, 8], height: 8, width: 8 };
    const make = chainOf(() => [
      choice('conv', {
        same: new Conv2d(device, key(1), 3, 3, 3, { padding: 1 }),
        smaller: new Conv2d(device, key(2), 3, 3, 3),
      }),
    ]);
    const space = new SearchSpace(make, image);
    const before = device.memory();
    let error: unknown;
    try {
      space.places([2, 3, 8, 8]);
    } catch (found) {
      error = found;
    }
    expect(error).toBeInstanceOf(OptionShapeError);
    const { choice: name, option, shapes, message } = error as OptionShapeError;
    expect([name, option, shapes]).toEqual([
      'conv',
      'smaller',
      [
        [2, 3, 6, 6],
        [2, 3, 8, 8],
      ],
    ]);
    expect(message).toContain('choice conv: option smaller makes [2, 3, 6, 6], but option same makes [2, 3, 8, 8]');
    expect(device.memory()).toEqual(before);
  });

  it('used outside of a forward pass of its space says so', () => {
    const alone = choice('alone', { l: linear(1), none });
    expect(() => alone.forward(x)).toThrow(/choice alone: used outside of an architecture's forward pass/);
  });

  it.each([
    ['one option', () => choice('c', { a: linear(1) }), /1 options; a choice needs two or more/],
    ['no name', () => choice('', { a: linear(1), none }), /a name is needed/],
    ['none alone', () => choice('c', { none, other: none }), /option other: the name none and the value none belong together/],
    ['a number for a name', () => choice('c', { 3: linear(1), none }), /an option needs a name that is not '3'/],
    ['a dot in an option', () => choice('c', { 'x.0': linear(1), none }), /option 'x.0': a name of state is split at dots/],
    ['a name that JavaScript has', () => choice('constructor', { a: linear(1), none }), /means something in JavaScript/],
    ['a number for its name', () => choice(3 as unknown as string, { a: linear(1), none }), /a name is needed/],
    ['no options', () => choice('c', null as unknown as Record<string, Option>), /options by name are needed/],
    [
      'an unknown name in neverDropped',
      () => choice('c', { a: linear(1), none }, { neverDropped: ['b'] }),
      /neverDropped names 'b', which is no option/,
    ],
    ['what is no option', () => choice('c', { a: 3 as unknown as Option, none }), /option a must be a layer, a function/],
  ])('with %s is refused', (_what, make, message) => {
    expect(make).toThrow(message);
  });

  it('whose layer stands in the network around it too is refused', () => {
    const make = chainOf(() => {
      const shared = linear(1);
      return [shared, choice('a', { shared: new Sequential(shared), none })];
    });
    expect(() => new SearchSpace(make, context)).toThrow(/one layer stands in choice a and in the network around its choices/);
  });

  it.each<[string, Option, RegExp]>([
    [
      'throws',
      () => {
        throw new TypeError('oops');
      },
      /choice a: option bad fails: TypeError: oops/,
    ],
    ['returns nothing', (() => undefined) as unknown as Option, /choice a: option bad returned undefined; it must return a tensor/],
    ['does not take its input', new Linear(device, key(3), 5, 3), /choice a, option bad: matmul: \[2, 3\] times \[3, 5\]/],
  ])('with an option that %s is told by name before anything runs', (_what, bad, message) => {
    const space = new SearchSpace(
      chainOf(() => [choice('a', { good: new Identity(), bad })]),
      context,
    );
    expect(() => space.places([2, 3])).toThrow(message);
  });

  it('in a function that makes another network when it is called again is told before anything runs', () => {
    let calls = 0;
    const space = new SearchSpace(
      chainOf(() => [choice(`c${calls++}`, { l: linear(1), none })]),
      context,
    );
    expect(() => space.checkRepeatable()).toThrow(/made another one when it was called again/);
  });

  it('made before the function that makes the network is refused', () => {
    const early = choice('early', { l: linear(1), none });
    expect(() => new SearchSpace(() => new Sequential(early), context)).toThrow(/choice early: it was made before the function/);
  });

  it('with an option that closes over a layer of its own is refused: its weights would not be trained', () => {
    const make = chainOf(() => {
      const hidden = linear(1);
      return [linear(2), choice('a', { hidden: (t: Tensor) => hidden.forward(t), none })];
    });
    expect(() => new SearchSpace(make, context)).toThrow(
      /a Linear is made and held by no layer of the network, as where a function closes over it: its weight would be neither trained/,
    );
  });

  it('that the forward pass does not come to is refused by name, in an option too', () => {
    class Idle extends Layer {
      readonly used = choice('used', { a: linear(1), none });
      readonly idle = choice('idle', { a: linear(2), none });

      forward(input: Tensor): Tensor {
        return this.used.forward(input);
      }
    }
    for (const make of [() => new Idle(), chainOf(() => [choice('outer', { inner: new Idle(), none })])]) {
      const space = new SearchSpace(make, context);
      expect(() => space.places([2, 3])).toThrow('choice idle: the network makes it, and its forward pass does not come to it');
    }
  });

  it("whose layer is another choice's too is refused", () => {
    const shared = linear(1);
    const make = chainOf(() => [choice('a', { shared, none }), choice('b', { shared, none })]);
    expect(() => new SearchSpace(make, context)).toThrow(
      /one layer stands in choice a and in choice b; give each layers of its own/,
    );
  });
});

describe('a layout', () => {
  const sizes = (n: number): Record<string, Option> =>
    Object.fromEntries(Array.from({ length: n }, (_, i): [string, Option] => [`o${i}`, (t: Tensor) => mul(t, i)]));

  it('has choices in order of construction, those of one size in one matrix, the same in two builds', () => {
    const make = chainOf(() => [
      choice('a', sizes(2)),
      choice('b', sizes(3)),
      choice('c', sizes(6)),
      choice('d', sizes(3)),
      choice('e', sizes(2)),
    ]);
    const builds = [new SearchSpace(make, context), new SearchSpace(make, context)];
    for (const { layout } of builds) {
      expect(layout.choices.map(({ name }) => name)).toEqual(['a', 'b', 'c', 'd', 'e']);
      expect(layout.matrices.map(({ options, choices }) => [options, choices])).toEqual([
        [2, [0, 4]],
        [3, [1, 3]],
        [6, [2]],
      ]);
    }
  });

  it('gives a choice the same noise and the same start whatever choices stand before, between and after it', async () => {
    const drawn = async (names: readonly string[]): Promise<Record<string, unknown>> => {
      const space = new SearchSpace(
        chainOf(() => names.map((name) => choice(name, sizes(name.startsWith('x') ? 4 : 3)))),
        context,
      );
      const { layout } = space;
      const start = layout.toRows(await Promise.all(architectureParameters(device, key(4), layout).map((t) => t.data())));
      const noise = layout.toRows(layout.draw(key(3), normals));
      return Object.fromEntries(layout.choices.map(({ name }, c) => [name, [noise[c], start[c]]]));
    };
    const { a, b } = await drawn(['a', 'b']);
    expect(a).not.toEqual(b);
    for (const names of [
      ['c', 'a', 'b'],
      ['a', 'c', 'b'],
      ['a', 'b', 'c'],
      ['x1', 'a', 'x2', 'b', 'x3'],
    ]) {
      const with_ = await drawn(names);
      expect([with_['a'], with_['b']]).toEqual([a, b]);
    }
  });

  it('refuses a Z of another space by shapes', () => {
    const space = new SearchSpace(
      chainOf(() => [choice('a', sizes(2))]),
      context,
    );
    expect(() => space.forward(x, [device.zeros([1, 3])])).toThrow(
      /forward: \[1, 3\] does not fit the space, which needs \[1, 2\]/,
    );
  });
});

it('the sum of places is one node for all its terms', async () => {
  class Node extends Layer {
    readonly edges = ['p', 'q'].map((name, i) => choice(name, { l: linear(20 + i), none }));
    forward(input: Tensor): Tensor {
      return sumOfPlaces(this.edges.map((edge) => edge.forward(input)));
    }
  }
  const space = new SearchSpace(() => new Node(), context);
  const trace: Parameters<SearchSpace['forward']>[2] = { trace: [] };
  const z = weights(space, [
    [1, 0],
    [0.5, 0.5],
  ]);
  const out = noGrad(() => space.forward(x, z, trace));
  expect(trace.trace!.map((t) => t.node === out)).toEqual([true, true]);
  expect(Array.from(await values(out))).toHaveLength(6);
});
