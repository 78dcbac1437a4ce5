/** @file Softmax, log-softmax and cross-entropy of the float32 CPU device: loops over rows that keep their sums in float64. */
import type { TypedArray } from '../../../contract/backend.ts';
import type { FusedKernel } from '../../../core/fused.ts';
import type { Tensor } from '../../../core/tensor.ts';

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

/** p = softmax(x) for every row, and what `each` makes of log sum e^x. */
function softmaxRows(x: TypedArray, p: TypedArray, k: number, each: (start: number, logSum: number) => void): void {
  eachRow(x.length, k, (start) => {
    const top = largest(x, start, k);
    let sum = 0;
    for (let i = start; i < start + k; i++) {
      const e = Math.exp(x[i]! - top);
      p[i] = e;
      sum += e;
    }
    for (let i = start; i < start + k; i++) p[i] = p[i]! / sum;
    each(start, top + Math.log(sum));
  });
}

function rowLength(x: Tensor): number {
  return x.shape.at(-1) ?? 0;
}

const softmax: FusedKernel = {
  forward([x]) {
    if (x!.size === 0) return undefined;
    const k = rowLength(x!);
    const [output] = x!.device.launch(
      { kind: 'cpu', name: 'softmax', run: ([from], [p]) => softmaxRows(from!, p!, k, () => undefined) },
      [x!],
      [x!.shape],
    ) as [Tensor];
    return { output };
  },
  backward({ output }, g) {
    const k = rowLength(output);
    return g.device.launch(
      {
        kind: 'cpu',
        name: 'softmax.backward',
        run: ([cotangent, p], [dx]) =>
          eachRow(p!.length, k, (start) => {
            let inner = 0;
            for (let i = start; i < start + k; i++) inner += cotangent![i]! * p![i]!;
            for (let i = start; i < start + k; i++) dx![i] = p![i]! * (cotangent![i]! - inner);
          }),
      },
      [g, output],
      [output.shape],
    );
  },
};

const logSoftmax: FusedKernel = {
  forward([x]) {
    if (x!.size === 0) return undefined;
    const k = rowLength(x!);
    const [output, p] = x!.device.launch(
      {
        kind: 'cpu',
        name: 'logSoftmax',
        run: ([from], [y, p_]) =>
          softmaxRows(from!, p_!, k, (start, logSum) => {
            for (let i = start; i < start + k; i++) y![i] = from![i]! - logSum;
          }),
      },
      [x!],
      [x!.shape, x!.shape],
    ) as [Tensor, Tensor];
    return { output, saved: [p] };
  },
  backward({ saved: [p] }, g) {
    const k = rowLength(g);
    return g.device.launch(
      {
        kind: 'cpu',
        name: 'logSoftmax.backward',
        run: ([cotangent, probabilities], [dx]) =>
          eachRow(probabilities!.length, k, (start) => {
            let sum = 0;
            for (let i = start; i < start + k; i++) sum += cotangent![i]!;
            for (let i = start; i < start + k; i++) dx![i] = cotangent![i]! - probabilities![i]! * sum;
          }),
      },
      [g, p!],
      [g.shape],
    );
  },
};

/** A label that is no class takes no loss and no gradient, as in the composite. */
const crossEntropy: FusedKernel = {
  forward([logits, labels]) {
    if (logits!.size === 0) return undefined;
    const k = rowLength(logits!);
    const [output, p] = logits!.device.launch(
      {
        kind: 'cpu',
        name: 'crossEntropy',
        run: ([x, label], [y, p_]) =>
          softmaxRows(x!, p_!, k, (start, logSum) => {
            const target = label![start / k]!;
            y![start / k] = isClass(target, k) ? logSum - x![start + target]! : 0;
          }),
      },
      [logits!, labels!],
      [labels!.shape, logits!.shape],
    ) as [Tensor, Tensor];
    return { output, saved: [p] };
  },
  backward({ inputs: [, labels], saved: [p] }, g) {
    const k = rowLength(p!);
    const [dx] = g.device.launch(
      {
        kind: 'cpu',
        name: 'crossEntropy.backward',
        run: ([cotangent, label, probabilities], [target]) =>
          eachRow(probabilities!.length, k, (start) => {
            const row = start / k;
            const scale = isClass(label![row]!, k) ? cotangent![row]! : 0;
            for (let i = start; i < start + k; i++) target![i] = scale * probabilities![i]!;
            if (scale !== 0) target![start + label![row]!]! -= scale;
          }),
      },
      [g, labels!, p!],
      [p!.shape],
    ) as [Tensor];
    return [dx, undefined];
  },
};

function isClass(label: number, classes: number): boolean {
  return Number.isInteger(label) && label >= 0 && label < classes;
}

export const softmaxKernels: readonly (readonly [string, FusedKernel])[] = [
  ['softmax', softmax],
  ['logSoftmax', logSoftmax],
  ['crossEntropy', crossEntropy],
];
