/** @file Elementwise primitives on WebGPU: four elements an invocation where shapes allow, strides where operands broadcast. */
import { broadcastStrides, collapse } from '../../../contract/axes.ts';
import type { BinaryOperation, Operand, UnaryOperation } from '../../../contract/backend.ts';
import { sizeOf } from '../../../contract/shape.ts';
import { invocationsOf, padAxes } from '../runtime/axes.ts';
import { foldedGrid } from '../runtime/grid.ts';
import { kernelOf } from '../runtime/shader.ts';
import type { WebGpuKernel } from '../kernel.ts';
import {
  elementwiseBinary,
  elementwiseBinaryBroadcast,
  elementwiseUnary,
  elementwiseWhere,
  elementwiseWhereDense,
} from '../shaders.gen.ts';

export function unary(op: UnaryOperation): WebGpuKernel<object> {
  const constants = { OP: elementwiseUnary.operations[op] };
  return (gpu, _params, [x], [y]) => {
    const n = sizeOf(y!.shape);
    gpu.launch(kernelOf(elementwiseUnary, { constants, uniforms: { n }, workgroups: foldedGrid(gpu.traits, n, 256) }), [x!], [y!]);
  };
}

export function binary(op: BinaryOperation): WebGpuKernel<object> {
  return (gpu, _params, operands, [y]) => {
    const [a, b] = operands as readonly [Operand, Operand];
    const n = sizeOf(y!.shape);
    const aScalar = sizeOf(a.shape) === 1;
    const bScalar = sizeOf(b.shape) === 1;
    if ((aScalar || sizeOf(a.shape) === n) && (bScalar || sizeOf(b.shape) === n)) {
      const kernel = kernelOf(elementwiseBinary, {
        constants: { OP: elementwiseBinary.operations[op], A_SCALAR: Number(aScalar), B_SCALAR: Number(bScalar) },
        uniforms: { n },
        workgroups: foldedGrid(gpu.traits, n, 256),
      });
      gpu.launch(kernel, [a, b], [y!]);
      return;
    }
    const { sizes, strides } = collapse(y!.shape, [broadcastStrides(a.shape, y!.shape), broadcastStrides(b.shape, y!.shape)]);
    const share = invocationsOf(sizes);
    const kernel = kernelOf(elementwiseBinaryBroadcast, {
      constants: { OP: elementwiseBinaryBroadcast.operations[op], AXES: sizes.length },
      uniforms: {
        sizes: padAxes(op, y!.shape, sizes, 1),
        aStrides: padAxes(op, y!.shape, strides[0]!, 0),
        bStrides: padAxes(op, y!.shape, strides[1]!, 0),
        ...share,
      },
      workgroups: foldedGrid(gpu.traits, share.invocations, 64),
    });
    gpu.launch(kernel, [a, b], [y!]);
  };
}

export const where: WebGpuKernel<object> = (gpu, _params, operands, [y]) => {
  const n = sizeOf(y!.shape);
  const [condition, a, b] = operands.map((o) => sizeOf(o.shape)) as [number, number, number];
  if (condition === n && (a === 1 || a === n) && (b === 1 || b === n)) {
    const kernel = kernelOf(elementwiseWhereDense, {
      constants: { A_SCALAR: Number(a === 1), B_SCALAR: Number(b === 1) },
      uniforms: { n },
      workgroups: foldedGrid(gpu.traits, n, 256),
    });
    gpu.launch(kernel, operands, [y!]);
    return;
  }
  const { sizes, strides } = collapse(
    y!.shape,
    operands.map((o) => broadcastStrides(o.shape, y!.shape)),
  );
  const share = invocationsOf(sizes);
  const kernel = kernelOf(elementwiseWhere, {
    constants: { AXES: sizes.length },
    uniforms: {
      sizes: padAxes('where', y!.shape, sizes, 1),
      cStrides: padAxes('where', y!.shape, strides[0]!, 0),
      aStrides: padAxes('where', y!.shape, strides[1]!, 0),
      bStrides: padAxes('where', y!.shape, strides[2]!, 0),
      ...share,
    },
    workgroups: foldedGrid(gpu.traits, share.invocations, 64),
  });
  gpu.launch(kernel, operands, [y!]);
};
