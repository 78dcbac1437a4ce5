/**
 * @file The functions that a gradient check differentiates, order by order: f, its VJP, the VJP of that, ...
 *
 * Each stage maps tensors to tensors. The next one takes the same inputs and one cotangent per output, and returns the
 * cotangents of the inputs, so checking its derivatives checks the derivative before it in all of its arguments.
 */
import { grad } from '../core/autograd.ts';
import type { Device } from '../core/tensor.ts';
import { withGradMode } from '../core/grad-mode.ts';
import { dot } from '../core/composites.ts';
import { add } from '../core/ops.ts';
import { scope } from '../core/scope.ts';
import { synchronous } from '../core/synchronous.ts';
import type { Shape } from '../contract/shape.ts';
import type { Tensor } from '../core/tensor.ts';

export interface Stage {
  readonly order: number;
  readonly device: Device;
  readonly shapes: readonly Shape[];
  /** What each input is, for messages: a number is a position among the operation's own arguments. */
  readonly roles: readonly (number | string)[];
  readonly apply: (xs: readonly Tensor[]) => readonly Tensor[];
}

/** Order 1 checks f itself. `wrt` are the positions of the inputs to differentiate; the others keep their tensors. */
export function firstStage(f: (...inputs: Tensor[]) => Tensor, inputs: readonly Tensor[], wrt: readonly number[]): Stage {
  return {
    order: 1,
    device: inputs[0]!.device,
    shapes: wrt.map((i) => inputs[i]!.shape),
    roles: wrt,
    apply: (xs) => {
      const all = [...inputs];
      wrt.forEach((position, k) => {
        all[position] = xs[k]!;
      });
      return [synchronous('checkGrads', 'f', f(...all))];
    },
  };
}

/** The VJP of a stage as a stage. */
export function vjpStage(stage: Stage, outputs: readonly Shape[]): Stage {
  const inputs = stage.shapes.length;
  return {
    order: stage.order + 1,
    device: stage.device,
    shapes: [...stage.shapes, ...outputs],
    roles: [
      ...stage.roles,
      ...outputs.map((_, k) => `${outputs.length > 1 ? `cotangent ${k}` : 'cotangent'} of order ${stage.order}`),
    ],
    apply: (xs) => pullBack(stage, xs.slice(0, inputs), xs.slice(inputs), true),
  };
}

function pullBack(stage: Stage, xs: readonly Tensor[], cotangents: readonly Tensor[], createGraph: boolean): readonly Tensor[] {
  return withGradMode('checkGrads', true, () => {
    const ys = stage.apply(xs);
    if (ys.length === 1) return grad(ys[0]!, xs, { cotangent: cotangents[0]!, createGraph, unused: 'zeros' });
    const contracted = ys.map((y, k) => dot(y, cotangents[k]!)).reduce((a, b) => add(a, b));
    return grad(contracted, xs, { createGraph, unused: 'zeros' });
  });
}

export interface Output {
  readonly shape: Shape;
  readonly data: Float64Array;
}

/** The stage's outputs at a point. */
export async function evaluate(stage: Stage, point: readonly Float64Array[]): Promise<readonly Output[]> {
  return read(
    scope(() => withGradMode('checkGrads', stage.order > 1, () => stage.apply(tensors(stage.device, point, stage.shapes)))),
  );
}

/** The stage's analytic gradient at a point: cotangents of its inputs. */
export async function pullback(
  stage: Stage,
  point: readonly Float64Array[],
  cotangents: readonly Output[],
  createGraph = false,
): Promise<readonly Float64Array[]> {
  const found = scope(() => {
    const xs = tensors(stage.device, point, stage.shapes);
    const ws = cotangents.map((w) => stage.device.tensor(w.data, w.shape));
    return pullBack(stage, xs, ws, createGraph);
  });
  return (await read(found)).map((output) => output.data);
}

function tensors(device: Device, point: readonly Float64Array[], shapes: readonly Shape[]): Tensor[] {
  return point.map((x, i) => device.tensor(x, shapes[i]));
}

/** Reads and frees what a scope returned. */
async function read(ts: readonly Tensor[]): Promise<readonly Output[]> {
  const outputs = await Promise.all(ts.map(async (t) => ({ shape: t.shape, data: Float64Array.from(await t.data()) })));
  for (const t of ts) t.dispose();
  return outputs;
}
