/** @file SGD and Adam over twenty steps, clipping by norm and the cosine schedule, against PyTorch. */
import { afterAll, beforeAll, describe, it } from 'vitest';
import { add, type Device, mul, scope, type Tensor } from '../src/index.ts';
import { Adam, clipGradNorm, cosine, SGD } from '../src/optim/index.ts';
import golden from './golden/training.json' with { type: 'json' };
import { openDevice } from './support/device.ts';
import { expectNumbers, fill, fillData, toleranceOf } from './support/golden.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.destroy());

type Case = (typeof golden.values.optimizers)[number];

function optimizerFor(c: Case, parameters: readonly Tensor[]): SGD | Adam {
  const o = c.options;
  const decay = o.weight_decay === undefined ? {} : { weightDecay: o.weight_decay };
  if (c.kind === 'SGD') {
    return new SGD(parameters, {
      lr: o.lr,
      ...decay,
      ...(o.momentum !== undefined && { momentum: o.momentum }),
      ...(o.nesterov !== undefined && { nesterov: o.nesterov }),
    });
  }
  return new Adam(parameters, {
    lr: o.lr,
    ...decay,
    ...(o.betas && { betas: [o.betas[0]!, o.betas[1]!] as const }),
    ...(o.eps !== undefined && { eps: o.eps }),
  });
}

describe('twenty steps with gradients that depend on the parameters', () => {
  it.each(golden.values.optimizers)('$kind, $name', async (c) => {
    const shapes = [[3], [2, 2]];
    const parameters = shapes.map((shape, i) => device.parameter(fillData(`${c.kind} ${c.name}.${i}`, shape), shape));
    const optimizer = optimizerFor(c, parameters);
    const t = toleranceOf(device, 1e-12, 1e-5);
    for (const [step, expected] of c.path.entries()) {
      const norm = scope(() => {
        const gradients = parameters.map((p, i) => add(fill(device, `${c.kind} ${c.name}.${step}.${i}`, p.shape), mul(p, 0.5)));
        const clipped = c.clip === null ? undefined : clipGradNorm(gradients, c.clip);
        optimizer.step(gradients, clipped && { scale: clipped.scale });
        return clipped?.norm;
      });
      const values = await Promise.all(parameters.map((p) => p.data()));
      expectNumbers(
        `parameters after step ${step + 1}`,
        values.flatMap((v) => Array.from(v)),
        expected,
        t,
      );
      if (norm && c.norms) expectNumbers(`gradient norm at step ${step + 1}`, await norm.data(), [c.norms[step]!], t);
    }
    optimizer.dispose();
    for (const p of parameters) p.dispose();
  });
});

it.each(golden.values.schedules)('cosine from $start to $end over $total', ({ start, end, total, rates }) => {
  const rate = cosine(start, end, total);
  expectNumbers(
    'learning rates',
    rates.map((_, i) => rate(i)),
    rates,
    1e-13,
  );
});
