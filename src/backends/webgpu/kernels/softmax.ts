/** @file Softmax, log-softmax and cross-entropy on WebGPU: an invocation a row, or a workgroup a row where rows are long. */
import type { FusedRow, Operand, WgslKernel } from '../../../contract/backend.ts';
import { type Shape, sizeOf } from '../../../contract/shape.ts';
import { foldedGrid } from '../runtime/grid.ts';
import { kernelOf } from '../runtime/shader.ts';
import type { AdapterTraits, Gpu } from '../kernel.ts';
import { softmaxCrossEntropy, softmaxLongRows, softmaxRows } from '../shaders.gen.ts';

/** From this length on a row gets a workgroup, on hardware; software adapters pay too much for barriers. */
const LONG_ROW = 64;

/** Beyond so many classes the composite computes cross-entropy, whose sums are made in blocks. */
const MOST_CLASSES = 2 ** 14;

/** Lanes of a workgroup of cross-entropy: few where rows are long on a software adapter, so that all cores get workgroups. */
function lanesOf(traits: AdapterTraits, k: number): number {
  return traits.software && k >= LONG_ROW ? 8 : 64;
}

function rowsOf(shape: Shape): readonly [number, number] {
  const k = shape.at(-1) ?? 1;
  return [k === 0 ? 0 : sizeOf(shape) / k, k];
}

function isLong(traits: AdapterTraits, k: number): boolean {
  return k >= LONG_ROW && !traits.software;
}

/** A kernel over rows: of the shader for long rows where they are long, else of the one for short rows. */
function rowKernel(traits: AdapterTraits, x: Operand, entryPoint: (typeof softmaxRows)['entryPoints'][number]): WgslKernel {
  const [rows, k] = rowsOf(x.shape);
  const long = isLong(traits, k);
  return kernelOf(long ? softmaxLongRows : softmaxRows, {
    entryPoint,
    uniforms: { rows, k, zero: 0 },
    workgroups: foldedGrid(traits, rows, long ? 1 : 64),
  });
}

/** The row of `softmax` or `logSoftmax`; the gradient needs the output alone. */
export function softmaxRow(gpu: Gpu, name: 'softmax' | 'logSoftmax'): FusedRow<object> {
  const gradient = `${name}Gradient` as const;
  return {
    covers: (_params, [x]) => x!.length > 0,
    forward(_params, [x], outputs) {
      gpu.launch(rowKernel(gpu.traits, x!, name), [x!], outputs);
    },
    backward(_params, { outputs: [y], g }, [dx]) {
      gpu.launch(rowKernel(gpu.traits, y!, gradient), [y!, g], [dx!]);
    },
  };
}

function crossEntropyKernel(
  traits: AdapterTraits,
  entryPoint: (typeof softmaxCrossEntropy)['entryPoints'][number],
  [rows, k]: readonly [number, number],
  rowsPerGroup: number,
): WgslKernel {
  return kernelOf(softmaxCrossEntropy, {
    entryPoint,
    constants: { LANES: lanesOf(traits, k) },
    uniforms: { rows, k },
    workgroups: foldedGrid(traits, rows, rowsPerGroup),
  });
}

function longCrossEntropyKernel(traits: AdapterTraits, [rows, k]: readonly [number, number]): WgslKernel {
  return kernelOf(softmaxLongRows, {
    entryPoint: 'crossEntropy',
    uniforms: { rows, k, zero: 0 },
    workgroups: foldedGrid(traits, rows, 1),
  });
}

/** The forward kernel keeps each row's largest logit and the logarithm of its sum. */
export function crossEntropyRow(gpu: Gpu): FusedRow<object> {
  const { traits } = gpu;
  const normaliserOf = (logits: Shape): Shape => [2, logits[0]!];
  return {
    covers: (_params, [logits]) => logits![1]! <= MOST_CLASSES,
    saved: (_params, [logits]) => [normaliserOf(logits!)],
    forward(_params, [logits, labels], outputs, saved) {
      const [rows, k] = rowsOf(logits!.shape);
      const launch = isLong(traits, k)
        ? longCrossEntropyKernel(traits, [rows, k])
        : crossEntropyKernel(traits, 'forward', [rows, k], lanesOf(traits, k));
      const normaliser = saved[0] ?? gpu.temporary(normaliserOf(logits!.shape));
      gpu.launch(launch, [logits!, labels!], [...outputs, normaliser]);
    },
    writes: ([logits]) => [logits!, false],
    backward(_params, { inputs: [logits, labels], saved: [normaliser], g }, [gradient]) {
      if (!gradient) return;
      const [rows, k] = rowsOf(logits!.shape);
      const launch =
        k >= LONG_ROW
          ? crossEntropyKernel(traits, 'longGradient', [rows, k], 1)
          : crossEntropyKernel(traits, 'gradient', [rows, k], lanesOf(traits, k));
      gpu.launch(launch, [logits!, labels!, normaliser!, g], [gradient]);
    },
  };
}
