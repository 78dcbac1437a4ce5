/** @file Elementwise primitives on WebGPU: four elements an invocation where shapes allow, strides where operands broadcast. */
import { broadcastStrides, collapse } from '../../../contract/axes.ts';
import type { Operand } from '../../../contract/backend.ts';
import { sizeOf } from '../../../contract/shape.ts';
import { invocationsOf, padAxes } from '../runtime/axes.ts';
import { foldedGrid } from '../runtime/grid.ts';
import type { WebGpuKernel } from '../kernel.ts';
import * as shaders from '../shaders.gen.ts';

/** In the order of OP in shaders/unary.wgsl. */
export const unaryOperations = ['neg', 'exp', 'log', 'sqrt', 'reciprocal', 'relu', 'step', 'tanh', 'erf'] as const;
/** In the order of OP in shaders/binary.wgsl and shaders/binary_broadcast.wgsl. */
export const binaryOperations = ['add', 'sub', 'mul', 'div', 'maximum', 'greater'] as const;

export function unary(op: (typeof unaryOperations)[number]): WebGpuKernel<object> {
  const constants = { OP: unaryOperations.indexOf(op) };
  return (gpu, _params, [x], [y]) => {
    const n = sizeOf(y!.shape);
    gpu.launch(
      { kind: 'wgsl', name: 'unary', code: shaders.unary, constants, uniforms: [n], workgroups: foldedGrid(gpu.facts, n, 256) },
      [x!],
      [y!],
    );
  };
}

export function binary(op: (typeof binaryOperations)[number]): WebGpuKernel<object> {
  const OP = binaryOperations.indexOf(op);
  return (gpu, _params, operands, [y]) => {
    const [a, b] = operands as readonly [Operand, Operand];
    const n = sizeOf(y!.shape);
    const aScalar = sizeOf(a.shape) === 1;
    const bScalar = sizeOf(b.shape) === 1;
    if ((aScalar || sizeOf(a.shape) === n) && (bScalar || sizeOf(b.shape) === n)) {
      gpu.launch(
        {
          kind: 'wgsl',
          name: 'binary',
          code: shaders.binary,
          constants: { OP, A_SCALAR: Number(aScalar), B_SCALAR: Number(bScalar) },
          uniforms: [n],
          workgroups: foldedGrid(gpu.facts, n, 256),
        },
        [a, b],
        [y!],
      );
      return;
    }
    const walk = collapse(y!.shape, [broadcastStrides(a.shape, y!.shape), broadcastStrides(b.shape, y!.shape)]);
    const { words, count } = invocationsOf(walk);
    gpu.launch(
      {
        kind: 'wgsl',
        name: 'binary broadcast',
        code: shaders.binaryBroadcast,
        constants: { OP, AXES: walk.sizes.length },
        uniforms: [...padAxes(op, y!.shape, walk.sizes, 1), ...walk.strides.flatMap((s) => padAxes(op, y!.shape, s, 0)), ...words],
        workgroups: foldedGrid(gpu.facts, count, 64),
      },
      [a, b],
      [y!],
    );
  };
}

export const where: WebGpuKernel<object> = (gpu, _params, operands, [y]) => {
  const n = sizeOf(y!.shape);
  const [condition, a, b] = operands.map((o) => sizeOf(o.shape)) as [number, number, number];
  if (condition === n && (a === 1 || a === n) && (b === 1 || b === n)) {
    gpu.launch(
      {
        kind: 'wgsl',
        name: 'where dense',
        code: shaders.whereDense,
        constants: { A_SCALAR: Number(a === 1), B_SCALAR: Number(b === 1) },
        uniforms: [n],
        workgroups: foldedGrid(gpu.facts, n, 256),
      },
      operands,
      [y!],
    );
    return;
  }
  const walk = collapse(
    y!.shape,
    operands.map((o) => broadcastStrides(o.shape, y!.shape)),
  );
  const { words, count } = invocationsOf(walk);
  gpu.launch(
    {
      kind: 'wgsl',
      name: 'where',
      code: shaders.where,
      constants: { AXES: walk.sizes.length },
      uniforms: [
        ...padAxes('where', y!.shape, walk.sizes, 1),
        ...walk.strides.flatMap((s) => padAxes('where', y!.shape, s, 0)),
        ...words,
      ],
      workgroups: foldedGrid(gpu.facts, count, 64),
    },
    operands,
    [y!],
  );
};
