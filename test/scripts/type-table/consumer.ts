/** @file A strict project's code against the public declarations: what it may rely on, and what the compiler has to refuse. */
import * as baselines from 'reparam/baselines';
import * as command from 'reparam/command';
import * as credit from 'reparam/credit';
import * as data from 'reparam/data';
import * as files from 'reparam/data/node';
import * as distributions from 'reparam/distributions';
import * as formats from 'reparam/export';
import * as jobs from 'reparam/jobs';
import * as nn from 'reparam/nn';
import * as optim from 'reparam/optim';
import * as plot from 'reparam/plot';
import * as runs from 'reparam/runs';
import * as snas from 'reparam/snas';
import * as testing from 'reparam/testing';
import {
  avgPool2d,
  batchNorm2d,
  conv2d,
  cpu,
  crossEntropy,
  type Device,
  grad,
  hvp,
  maxPool2d,
  mean,
  mul,
  scope,
  type StopSignal,
  sum,
  type Tensor,
  valueAndGrad,
  vjp,
  webgpu,
} from 'reparam';

export const entries: readonly object[] = [
  ...[baselines, command, credit, data, files, distributions, formats, jobs, nn, optim, plot, runs, snas, testing],
];

const device: Device = cpu();
const w: Tensor = device.tensor([1, 2]);
const y = device.tensor([3, 4]);
const f = (a: Tensor, b: Tensor): Tensor => sum(mul(a, b));
const loss = f(w, y);

/** Gradients come in the tuple's shape: no element may be undefined, and there is none beyond. */
export function tuples(list: Tensor[], fixed: readonly [Tensor, Tensor]): void {
  const [gw, gy] = grad(loss, [w, y]);
  const both: [Tensor, Tensor] = [gw, gy];
  // @ts-expect-error there is no third
  const [, , third] = grad(loss, [w, y]);
  const [first, second]: [Tensor, Tensor] = grad(loss, fixed);
  const many: Tensor[] = grad(loss, list);
  const maybe: Tensor | undefined = many[0];
  // @ts-expect-error a list may be empty
  const surely: Tensor = many[0];
  const [head, ...tail] = grad(loss, [w, ...list]);
  const split: [Tensor, Tensor[]] = [head, tail];
  const [value, [dw, dy]] = valueAndGrad(f)(w, y);
  const [out, pullback] = vjp(f, [w, y]);
  const [pw, py] = pullback(out);
  const [hw, hy] = hvp(f, [w, y], [w, y]);
  const shapes = [...both, first, second, value, dw, dy, pw, py, hw, hy].map((t) => t.shape);
  void [third, maybe, surely, split, shapes];
}

/** Wrong values of options. Nothing of it runs. */
export function refused(): void {
  // @ts-expect-error no such dtype
  cpu({ dtype: 'float16' });
  // @ts-expect-error no such option
  cpu({ type: 'float32' });
  // @ts-expect-error WebGPU's own names only
  void webgpu({ powerPreference: 'fast' });
  // @ts-expect-error padding is a number, a pair or two pairs
  conv2d(w, y, { padding: 'same' });
  // @ts-expect-error three numbers are no pair
  maxPool2d(w, [2, 2, 2]);
  // @ts-expect-error no such option
  avgPool2d(w, 2, { strides: 1 });
  // @ts-expect-error no such reduction
  crossEntropy(w, y, { reduction: 'batchmean' });
  // @ts-expect-error a boolean
  batchNorm2d(w, { training: 'yes' });
  // @ts-expect-error 'error' or 'zeros'
  grad(loss, [w], { unused: 'none' });
  // @ts-expect-error axes are numbers
  mean(w, 'last');
  // @ts-expect-error a scope refuses an asynchronous function
  void scope(async () => w);
}

/** Whatever says AbortSignal here, DOM, Node or nothing, a signal is what a search takes. */
export function stop(signal: StopSignal): snas.RunOptions {
  return { signal };
}

/** A tensor can be declared with `using`. */
export const disposable: { [Symbol.dispose](): void } = w;
