/** @file Two copies of this package in one program: every module evaluated a second time, as from another node_modules. */
import { beforeAll, describe, expect, it, vi } from 'vitest';
import * as own from '../../../src/index.ts';
import * as ownLayers from '../../../src/nn/index.ts';

let other: typeof own;
let otherLayers: typeof ownLayers;

beforeAll(async () => {
  // A second evaluation of every module.
  vi.resetModules();
  other = await import('../../../src/index.ts');
  otherLayers = await import('../../../src/nn/index.ts');
});

const REFUSED = /^two copies of reparam are loaded, and one was given a (tensor|module) of the other: install it once/;

const foreign = (): own.Tensor => other.cpu().tensor([1, 2], [1, 2]);
const native = (): own.Tensor => own.cpu().tensor([3, 4], [1, 2]);

describe('a tensor of another copy', () => {
  it('is another class', () => {
    expect(other.Tensor).not.toBe(own.Tensor);
  });

  it.each<readonly [string, (x: own.Tensor) => unknown]>([
    ['an elementwise operation', (x) => own.exp(x)],
    ['an operation of two', (x) => own.add(native(), x)],
    ['an operation with a number', (x) => own.mul(x, 2)],
    ['a reduction', (x) => own.sum(x)],
    ['a composite', (x) => own.variance(x)],
    ['a fused operation', (x) => own.softmax(x)],
    ['a fused operation of two', (x) => own.mixedSum(own.reshape(native(), [2]), [own.scope(() => own.sum(x)), own.sum(native())])],
    ['a list', (x) => own.concat([native(), x], 0)],
    ['an update in place', (x) => own.assign(native(), x)],
    ['grad, as y', (x) => own.grad(x, [x])],
    ['grad, as an x', (x) => own.grad(own.sum(native()), [x])],
    ['a scope', (x) => own.scope(() => ({ x }))],
    ['keep', (x) => own.keep(x)],
    ['instanceof', (x) => x instanceof own.Tensor],
    ['a captured step', (x) => own.capture((y: own.Tensor) => own.exp(y))(x)],
    ['a layer', (x) => new ownLayers.Linear(native().device, own.key(1), 2, 2).forward(x)],
  ])('is refused by %s', (_name, use) => {
    expect(() => use(foreign())).toThrow(REFUSED);
  });

  it('is welcome in its own copy, side by side with the first', async () => {
    const x = foreign();
    const [g] = other.grad(other.sum(other.mul(x, x)), [x]);
    expect([...(await g.data())]).toEqual([2, 4]);
    const y = native();
    const [h] = own.grad(own.sum(own.mul(y, y)), [y]);
    expect([...(await h.data())]).toEqual([6, 8]);
  });
});

it('a module of another copy inside one of this copy is refused, whose parameters would go untrained', () => {
  class Wrapped extends ownLayers.Module {
    readonly inner = new otherLayers.Linear(other.cpu(), other.key(1), 2, 2);
  }
  expect(() => new Wrapped().parameters()).toThrow(REFUSED);
});

it('what is no tensor at all is named as that', () => {
  const number = 3 as unknown as own.Tensor;
  expect(() => own.grad(number, [])).toThrow(/grad: 3 must be a tensor/);
  expect(() => own.softmax({ shape: [2], rank: 1 } as unknown as own.Tensor)).toThrow(own.OptionError);
  for (const value of [undefined, null, 1, 'x', {}, () => 1]) expect(value instanceof own.Tensor).toBe(false);
});
