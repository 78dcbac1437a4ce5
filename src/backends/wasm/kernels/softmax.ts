/** @file Softmax, log-softmax and cross-entropy of the float32 CPU device: loops over rows that keep their sums in float64. */
import type { FusedTable, Operand, TypedArray } from '../../../contract/backend.ts';
import type { LaunchCpu } from '../kernel.ts';

/** Runs `row(start)` for the rows of length k. */
function eachRow(length: number, k: number, row: (start: number) => void): void {
  for (let start = 0; start < length; start += k) row(start);
}

/** The largest number of a row, NaN if there is one. */
function largest(x: TypedArray, start: number, k: number): number {
  let top = -Infinity;
  for (let i = start; i < start + k; i++) top = Math.max(top, x[i]!);
  return top;
}

/**
 * For every row p = softmax(x), where p is asked for, and what `each` makes of max x and log sum e^(x - max). The two come apart: beside a
 * large maximum the logarithm would be lost in their sum.
 */
function eachSoftmax(
  x: TypedArray,
  p: TypedArray | undefined,
  k: number,
  each: (start: number, top: number, logSum: number) => void,
): void {
  eachRow(x.length, k, (start) => {
    const top = largest(x, start, k);
    let sum = 0;
    for (let i = start; i < start + k; i++) {
      const e = Math.exp(x[i]! - top);
      if (p) p[i] = e;
      sum += e;
    }
    if (p) for (let i = start; i < start + k; i++) p[i] = p[i]! / sum;
    each(start, top, Math.log(sum));
  });
}

function rowLength({ shape }: Operand): number {
  return shape.at(-1) ?? 0;
}

/** The rows of softmax, log-softmax and cross-entropy. The last two keep the probabilities for their gradients. */
export function softmaxRows(launch: LaunchCpu): Pick<FusedTable, 'softmax' | 'logSoftmax' | 'crossEntropy'> {
  return {
    softmax: {
      covers: (_params, [x]) => x!.length > 0,
      forward(_params, inputs, outputs) {
        const k = rowLength(inputs[0]!);
        launch('softmax', ([x], [p]) => eachSoftmax(x!, p, k, () => undefined), inputs, outputs);
      },
      backward(_params, { outputs: [output], g }, [gradient]) {
        const k = rowLength(output!);
        launch(
          'softmax.backward',
          ([cotangent, p], [dx]) =>
            eachRow(p!.length, k, (start) => {
              let inner = 0;
              for (let i = start; i < start + k; i++) inner += cotangent![i]! * p![i]!;
              for (let i = start; i < start + k; i++) dx![i] = p![i]! * (cotangent![i]! - inner);
            }),
          [g, output!],
          [gradient!],
        );
      },
    },
    logSoftmax: {
      covers: (_params, [x]) => x!.length > 0,
      saved: (_params, [x]) => [x!],
      forward(_params, inputs, outputs, saved) {
        const k = rowLength(inputs[0]!);
        launch(
          'logSoftmax',
          ([x], [y, p]) =>
            eachSoftmax(x!, p, k, (start, top, logSum) => {
              for (let i = start; i < start + k; i++) y![i] = x![i]! - top - logSum;
            }),
          inputs,
          [...outputs, ...saved],
        );
      },
      backward(_params, { saved: [probabilities], g }, [gradient]) {
        const k = rowLength(g);
        launch(
          'logSoftmax.backward',
          ([cotangent, p], [dx]) =>
            eachRow(p!.length, k, (start) => {
              let sum = 0;
              for (let i = start; i < start + k; i++) sum += cotangent![i]!;
              for (let i = start; i < start + k; i++) dx![i] = cotangent![i]! - p![i]! * sum;
            }),
          [g, probabilities!],
          [gradient!],
        );
      },
    },
    // A label that is no class makes its row NaN, in the loss and in the gradient, as in the composite.
    crossEntropy: {
      saved: (_params, [logits]) => [logits!],
      forward(_params, inputs, outputs, saved) {
        const k = rowLength(inputs[0]!);
        launch(
          'crossEntropy',
          ([x, label], [y, p]) =>
            eachSoftmax(x!, p, k, (start, top, logSum) => {
              const target = label![start / k]!;
              y![start / k] = isClass(target, k) ? logSum - (x![start + target]! - top) : NaN;
            }),
          inputs,
          [...outputs, ...saved],
        );
      },
      writes: ([logits]) => [logits!, false],
      backward(_params, { inputs: [, labels], saved: [probabilities], g }, [gradient]) {
        if (!gradient) return;
        const k = rowLength(probabilities!);
        launch(
          'crossEntropy.backward',
          ([cotangent, label, p], [dx]) =>
            eachRow(p!.length, k, (start) => {
              const row = start / k;
              const known = isClass(label![row]!, k);
              const scale = known ? cotangent![row]! : NaN;
              for (let i = start; i < start + k; i++) dx![i] = scale * p![i]!;
              if (known) dx![start + label![row]!]! -= scale;
            }),
          [g, labels!, probabilities!],
          [gradient],
        );
      },
    },
  };
}

function isClass(label: number, classes: number): boolean {
  return Number.isInteger(label) && label >= 0 && label < classes;
}
