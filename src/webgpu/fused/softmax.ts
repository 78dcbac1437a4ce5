/** @file Softmax, log-softmax and cross-entropy on WebGPU: an invocation a row, or a workgroup a row where rows are long. */
import type { WgslKernel } from '../../backend.ts';
import type { FusedKernel } from '../../fused.ts';
import type { Tensor } from '../../tensor.ts';
import { foldedGrid } from '../grid.ts';
import type { GpuFacts } from '../kernel.ts';
import { crossEntropy, softmax, softmaxRows } from '../shaders.gen.ts';

/** From this length on a row gets a workgroup, on hardware; software adapters pay too much for barriers. */
const LONG_ROW = 64;

function rowsOf(x: Tensor): readonly [number, number] {
  const k = x.shape.at(-1) ?? 1;
  return [k === 0 ? 0 : x.size / k, k];
}

function rowKernel(
  facts: GpuFacts,
  x: Tensor,
  entryPoint: string,
  short: { readonly code: string; readonly entry: string },
): WgslKernel {
  const [rows, k] = rowsOf(x);
  const long = k >= LONG_ROW && !facts.software;
  return {
    kind: 'wgsl',
    name: `${entryPoint} ${long ? 'long rows' : 'rows'}`,
    code: long ? softmaxRows : short.code,
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
      const [y] = x!.device.launch(rowKernel(facts, x!, name, { code: softmax, entry: name }), [x!], [x!.shape]);
      return { output: y! };
    },
    backward: ({ output }, g) =>
      output.device.launch(rowKernel(facts, output, gradient, { code: softmax, entry: gradient }), [output, g], [output.shape]),
  };
}

export function crossEntropyKernel(facts: GpuFacts): FusedKernel<unknown> {
  return {
    forward([logits, labels]) {
      if (logits!.size === 0) return undefined;
      const [rows] = rowsOf(logits!);
      const launch = rowKernel(facts, logits!, 'crossEntropy', { code: crossEntropy, entry: 'forward' });
      const [loss, normaliser] = logits!.device.launch(launch, [logits!, labels!], [[rows], [2, rows]]);
      return { output: loss!, saved: [normaliser!] };
    },
    backward({ inputs: [logits, labels], saved: [normaliser] }, g) {
      const launch: WgslKernel = {
        kind: 'wgsl',
        name: 'crossEntropy gradient',
        code: crossEntropy,
        entryPoint: 'gradient',
        uniforms: [...rowsOf(logits!)],
        workgroups: foldedGrid(facts, logits!.size, 1024),
      };
      return logits!.device.launch(launch, [logits!, labels!, normaliser!, g], [logits!.shape]);
    },
  };
}
