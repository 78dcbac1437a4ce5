/** @file Optimiser steps, in place. */
import { type Names, sizeOf } from '../../../contract/shape.ts';
import type { CpuKernel, CpuOperand } from '../kernel.ts';

/** The numbers of a hyperparameter operand by name. */
function named<S extends string>({ data }: CpuOperand, names: S): Record<Names<S>, number> {
  return Object.fromEntries(names.split(' ').map((name, i) => [name, data[i]])) as Record<Names<S>, number>;
}

export const sgd: CpuKernel<'sgd'> = ({ nesterov }, [gradient, hyper], [parameter, velocity]) => {
  const { rate, momentum, decay, scale } = named(hyper, 'rate momentum decay scale');
  const n = sizeOf(parameter.shape);
  for (let i = 0; i < n; i++) {
    const p = parameter.data[i]!;
    const g = gradient.data[i]! * scale + decay * p;
    const v = momentum * velocity.data[i]! + g;
    velocity.data[i] = v;
    parameter.data[i] = p - rate * (nesterov ? g + momentum * v : v);
  }
};

export const adam: CpuKernel<'adam'> = (_params, [gradient, hyper], [parameter, first, second]) => {
  const names = 'rate rest1 rest2 eps decay correction1 correction2 scale';
  const { rate, rest1, rest2, eps, decay, correction1, correction2, scale } = named(hyper, names);
  const n = sizeOf(parameter.shape);
  for (let i = 0; i < n; i++) {
    const p = parameter.data[i]!;
    const g = gradient.data[i]! * scale + decay * p;
    const m = first.data[i]! + rest1 * (g - first.data[i]!);
    const v = second.data[i]! + rest2 * (g * g - second.data[i]!);
    first.data[i] = m;
    second.data[i] = v;
    parameter.data[i] = p - (rate * m) / correction1 / (Math.sqrt(v / correction2) + eps);
  }
};
