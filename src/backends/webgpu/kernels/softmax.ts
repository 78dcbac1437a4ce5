/** @file Softmax, log-softmax and cross-entropy on WebGPU: an invocation a row, or a workgroup a row where rows are long. */
import type { FusedRow, Operand, WgslKernel } from '../../../contract/backend.ts';
import { type Shape, sizeOf } from '../../../contract/shape.ts';
import { foldedGrid } from '../runtime/grid.ts';
import type { Gpu, GpuFacts } from '../kernel.ts';
import { crossEntropy, softmax, softmaxRows } from '../shaders.gen.ts';

/** From this length on a row gets a workgroup, on hardware; software adapters pay too much for barriers. */
const LONG_ROW = 64;

/** Lanes of a workgroup of cross-entropy: few where rows are long on a software adapter, so that all cores get workgroups. */
function lanesOf(facts: GpuFacts, k: number): number {
  return facts.software && k >= LONG_ROW ? 8 : 64;
}

function rowsOf(shape: Shape): readonly [number, number] {
  const k = shape.at(-1) ?? 1;
  return [k === 0 ? 0 : sizeOf(shape) / k, k];
}

function isLong(facts: GpuFacts, k: number): boolean {
  return k >= LONG_ROW && !facts.software;
}

function rowKernel(
  facts: GpuFacts,
  x: Operand,
  entryPoint: string,
  short: { readonly code: string; readonly entry: string },
): WgslKernel {
  const [rows, k] = rowsOf(x.shape);
  const long = isLong(facts, k);
  return {
    kind: 'wgsl',
    name: `${entryPoint} ${long ? 'long rows' : 'rows'}`,
    code: long ? softmaxRows : short.code,
    entryPoint: long ? entryPoint : short.entry,
    uniforms: [rows, k],
    workgroups: foldedGrid(facts, rows, long ? 1 : 64),
  };
}

/** The row of `softmax` or `logSoftmax`; the gradient needs the output alone. */
export function softmaxRow(gpu: Gpu, name: 'softmax' | 'logSoftmax'): FusedRow<object> {
  const gradient = `${name}Gradient`;
  return {
    covers: (_params, [x]) => x!.length > 0,
    forward(_params, [x], outputs) {
      gpu.launch(rowKernel(gpu.facts, x!, name, { code: softmax, entry: name }), [x!], outputs);
    },
    backward(_params, { outputs: [y], g }, [dx]) {
      gpu.launch(rowKernel(gpu.facts, y!, gradient, { code: softmax, entry: gradient }), [y!, g], [dx!]);
    },
  };
}

function crossEntropyKernelOf(
  facts: GpuFacts,
  entryPoint: 'forward' | 'gradient' | 'longGradient',
  [rows, k]: readonly [number, number],
  rowsPerGroup: number,
): WgslKernel {
  return {
    kind: 'wgsl',
    name: `crossEntropy ${entryPoint}`,
    code: crossEntropy,
    entryPoint,
    constants: { LANES: lanesOf(facts, k) },
    uniforms: [rows, k],
    workgroups: foldedGrid(facts, rows, rowsPerGroup),
  };
}

/** The forward kernel keeps each row's largest logit and the logarithm of its sum. */
export function crossEntropyRow(gpu: Gpu): FusedRow<object> {
  const { facts } = gpu;
  const normaliserOf = (logits: Shape): Shape => [2, logits[0]!];
  return {
    saved: (_params, [logits]) => [normaliserOf(logits!)],
    forward(_params, [logits, labels], outputs, saved) {
      const [rows, k] = rowsOf(logits!.shape);
      const launch: WgslKernel = isLong(facts, k)
        ? rowKernel(facts, logits!, 'crossEntropy', { code: softmaxRows, entry: 'crossEntropy' })
        : crossEntropyKernelOf(facts, 'forward', [rows, k], lanesOf(facts, k));
      const normaliser = saved[0] ?? gpu.temporary(normaliserOf(logits!.shape));
      gpu.launch(launch, [logits!, labels!], [...outputs, normaliser]);
    },
    writes: ([logits]) => [logits!, false],
    backward(_params, { inputs: [logits, labels], saved: [normaliser], g }, [gradient]) {
      if (!gradient) return;
      const [rows, k] = rowsOf(logits!.shape);
      const launch =
        k >= LONG_ROW
          ? crossEntropyKernelOf(facts, 'longGradient', [rows, k], 1)
          : crossEntropyKernelOf(facts, 'gradient', [rows, k], lanesOf(facts, k));
      gpu.launch(launch, [logits!, labels!, normaliser!, g], [gradient]);
    },
  };
}
