/** @file Softmax, log-softmax and cross-entropy on WebGPU: an invocation a row, or a workgroup a row where rows are long. */
import type { WgslKernel } from '../../../contract/backend.ts';
import type { FusedKernel } from '../../../core/fused.ts';
import type { Tensor } from '../../../core/tensor.ts';
import { foldedGrid } from '../runtime/grid.ts';
import type { GpuFacts } from '../kernel.ts';
import { softmaxCrossEntropy, softmaxRows, softmaxLongRows } from '../shaders.gen.ts';

/** From this length on a row gets a workgroup, on hardware; software adapters pay too much for barriers. */
const LONG_ROW = 64;

/** Lanes of a workgroup of cross-entropy: few where rows are long on a software adapter, so that all cores get workgroups. */
function lanesOf(facts: GpuFacts, k: number): number {
  return facts.software && k >= LONG_ROW ? 8 : 64;
}

function rowsOf(x: Tensor): readonly [number, number] {
  const k = x.shape.at(-1) ?? 1;
  return [k === 0 ? 0 : x.size / k, k];
}

function isLong(facts: GpuFacts, k: number): boolean {
  return k >= LONG_ROW && !facts.software;
}

function rowKernel(
  facts: GpuFacts,
  x: Tensor,
  entryPoint: string,
  short: { readonly code: string; readonly entry: string },
): WgslKernel {
  const [rows, k] = rowsOf(x);
  const long = isLong(facts, k);
  return {
    kind: 'wgsl',
    name: `${entryPoint} ${long ? 'long rows' : 'rows'}`,
    code: long ? softmaxLongRows.code : short.code,
    entryPoint: long ? entryPoint : short.entry,
    uniforms: [rows, k],
    workgroups: foldedGrid(facts, rows, long ? 1 : 64),
  };
}

/** The kernel of `softmax` or `logSoftmax`; the gradient needs the output alone. */
export function softmaxKernel(facts: GpuFacts, name: 'softmax' | 'logSoftmax'): FusedKernel<unknown> {
  const gradient = `${name}Gradient`;
  return {
    forward([x]) {
      if (x!.size === 0 || x!.rank === 0) return undefined;
      const [y] = x!.device.launch(rowKernel(facts, x!, name, { code: softmaxRows.code, entry: name }), [x!], [x!.shape]);
      return { output: y! };
    },
    backward: ({ output }, g) =>
      output.device.launch(
        rowKernel(facts, output, gradient, { code: softmaxRows.code, entry: gradient }),
        [output, g],
        [output.shape],
      ),
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
    code: softmaxCrossEntropy.code,
    entryPoint,
    constants: { LANES: lanesOf(facts, k) },
    uniforms: [rows, k],
    workgroups: foldedGrid(facts, rows, rowsPerGroup),
  };
}

export function crossEntropyKernel(facts: GpuFacts): FusedKernel<unknown> {
  return {
    forward([logits, labels]) {
      if (logits!.size === 0) return undefined;
      const [rows, k] = rowsOf(logits!);
      const launch: WgslKernel = isLong(facts, k)
        ? rowKernel(facts, logits!, 'crossEntropy', { code: softmaxLongRows.code, entry: 'crossEntropy' })
        : crossEntropyKernelOf(facts, 'forward', [rows, k], lanesOf(facts, k));
      const [loss, normaliser] = logits!.device.launch(launch, [logits!, labels!], [[rows], [2, rows]]);
      return { output: loss!, saved: [normaliser!] };
    },
    backward({ inputs: [logits, labels], saved: [normaliser] }, g) {
      const [rows, k] = rowsOf(logits!);
      const launch =
        k >= LONG_ROW
          ? crossEntropyKernelOf(facts, 'longGradient', [rows, k], 1)
          : crossEntropyKernelOf(facts, 'gradient', [rows, k], lanesOf(facts, k));
      return logits!.device.launch(launch, [logits!, labels!, normaliser!, g], [logits!.shape]);
    },
  };
}
