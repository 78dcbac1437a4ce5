/** @file The registry is complete, and every derivative in it agrees with central differences in float64. */
import { describe, expect, it } from 'vitest';
import * as api from '../../src/index.ts';
import * as distributions from '../../src/distributions/index.ts';
import { CpuBackend } from '../../src/backends/cpu/backend.ts';
import { cpuKernels } from '../../src/backends/cpu/kernels/index.ts';
import type { FusedTable, Operand, Primitive, PrimitiveParams } from '../../src/contract/backend.ts';
import fc from 'fast-check';
import { avgPoolFused, maxPoolFused } from '../../src/core/pool.ts';
import { batchNormAffine, batchNormalize } from '../../src/core/batch-norm.ts';
import { crossEntropyFused, logSoftmaxFused, softmaxFused } from '../../src/core/softmax.ts';
import { mixedSumFused } from '../../src/core/mixed-sum.ts';
import { checkOperationGrads, operations, type Operation, type Sample, toTensor } from '../../src/testing/properties/index.ts';
import { rules } from '../../src/testing/rounding/rules.ts';
import regressions from '../regressions.json' with { type: 'json' };

const SEED = 7;
const RUNS = 5;
const WORST = [1e-7, 1e-5, 1e-5];

/** Public functions of the core that are not operations on tensors, and why. */
const notOperations: Readonly<Record<string, string>> = {
  grad: 'differentiation',
  vjp: 'differentiation',
  hvp: 'differentiation',
  valueAndGrad: 'differentiation',
  enableGrad: 'grad mode',
  noGrad: 'grad mode',
  isGradEnabled: 'grad mode',
  fused: 'defines operations',
  customVjp: 'defines operations',
  withComposites: 'chooses how they run',
  shareEqual: 'chooses how they run',
  capture: 'makes a captured step',
  locateNonFinite: 'observes operations',
  recordShapes: 'observes operations',
  cpu: 'a device',
  webgpu: 'a device',
  checkpoint: 'a function that is computed again, of any operations',
  scope: 'memory',
  keep: 'memory',
  tensorsIn: 'memory',
  dims: 'shapes',
  f32Bits: 'numbers',
  bits: 'random numbers on the host',
  foldIn: 'keys',
  gumbel: 'drawn on the host and uploaded',
  gumbels: 'random numbers on the host',
  key: 'keys',
  keyTensor: 'keys',
  normal: 'drawn on the host and uploaded',
  normals: 'random numbers on the host',
  permutation: 'random numbers on the host',
  split: 'keys',
  threefry: 'keys',
  uniforms: 'random numbers on the host',
};

const isClass = (value: unknown): boolean =>
  typeof value === 'function' && /^class\b/.test(Function.prototype.toString.call(value));
const publicFunctions = (exports: object): string[] =>
  Object.entries(exports)
    .filter(([, value]) => typeof value === 'function' && !isClass(value))
    .map(([name]) => name);
/** `conv2d (bias)` checks `conv2d`. */
const checked = new Set(operations.map((op) => op.name.replace(/ \(.*/, '')));

describe('the registry of operations', () => {
  it('has every public operation of the core, each under one name', () => {
    expect(publicFunctions(api).filter((name) => !checked.has(name) && !(name in notOperations))).toEqual([]);
    expect(Object.keys(notOperations).filter((name) => !(name in api) || checked.has(name))).toEqual([]);
    expect(new Set(operations.map((op) => op.name)).size).toBe(operations.length);
  });

  it('has every public function of the distributions', () => {
    expect(publicFunctions(distributions).filter((name) => !checked.has(name))).toEqual([]);
  });

  it('has an entry that runs its kernel for every primitive', () => {
    expect(Object.keys(cpuKernels).filter((name) => !operations.some((op) => op.primitive === name))).toEqual([]);
    expect(operations.filter((op) => op.primitive && !ran(op).primitives.has(op.primitive)).map((op) => op.name)).toEqual([]);
  });

  it('has operands for the kernel of every primitive but those of convolution and pooling, which have tests of their own', () => {
    const without = Object.keys(cpuKernels).filter((name) => !operations.some((op) => op.primitive === name && op.kernel));
    expect(without).toEqual(['conv2d', 'conv2dInput', 'conv2dFilter', 'maxPoolIndices']);
  });

  it('says of every primitive how float32 rounds it', () => {
    expect(Object.keys(cpuKernels).filter((name) => typeof rules[name as Primitive] !== 'function')).toEqual([]);
  });

  it('has an entry that runs it for every fused operation, and each of those has a composite', () => {
    const fused = [
      avgPoolFused,
      maxPoolFused,
      batchNormAffine,
      batchNormalize,
      crossEntropyFused,
      logSoftmaxFused,
      softmaxFused,
      mixedSumFused,
    ];
    expect(fused.map((f) => f.operation).filter((name) => !operations.some((op) => op.fused === name))).toEqual([]);
    expect(operations.filter((op) => op.fused && !ran(op).fused.has(op.fused)).map((op) => op.name)).toEqual([]);
    for (const f of fused) expect(f.composite).toBeInstanceOf(Function);
  });

  it('checks the gradient of every operation that has one', () => {
    const without = operations.filter((op) => op.order === 0).map((op) => op.name);
    // In place, constant in their inputs, random, or cut from the graph by definition.
    expect(without).toEqual([
      'assign',
      'zerosLike',
      'onesLike',
      'detach',
      'oneHot',
      'batchNorm2d (running statistics)',
      'randomBits',
      'uniform',
      'gumbelMax',
      'oneHotArgmax',
      'straightThrough',
      'RelaxedOneHotCategorical.score',
      'sgd',
      'adam',
    ]);
  });
});

/** What an operation's cases call on the backend. */
function ran(op: Operation): { primitives: Set<string>; fused: Set<string> } {
  const primitives = new Set<string>();
  const fused = new Set<string>();
  class Watching extends CpuBackend {
    override run<P extends Primitive>(
      name: P,
      params: PrimitiveParams[P],
      inputs: readonly Operand[],
      outputs: readonly Operand[],
    ): void {
      primitives.add(name);
      super.run(name, params, inputs, outputs);
    }
  }
  const watch: FusedTable = Object.fromEntries(
    operations.flatMap((o) => {
      const covers = (): boolean => (fused.add(o.fused!), false);
      return o.fused ? [[o.fused, { covers, forward: () => undefined }] as const] : [];
    }),
  );
  const device = new api.BackendDevice(new Watching('float64', watch));
  for (const sample of fc.sample(op.samples('small'), { seed: 1, numRuns: 20 })) {
    api.scope(() => {
      op.run(
        sample.inputs.map((value) => toTensor(device, value)),
        sample.params,
      );
    });
  }
  return { primitives, fused };
}

describe('derivatives in float64 agree with central differences, repeat bit for bit, and are linear in the cotangent', () => {
  for (const op of operations.filter((o) => o.order > 0)) {
    it(`${op.name}, to order ${op.order}`, async () => {
      const examples = regressions.filter((r) => r.op === op.name).map((r) => r.sample as Sample);
      const { tally, failure } = await checkOperationGrads(op, { seed: SEED, runs: RUNS, examples });
      expect(failure?.message).toBeUndefined();
      tally.check(op.name);
      tally.orders.forEach(({ worst }, i) => expect(worst).toBeLessThanOrEqual(WORST[i]!));
    });
  }
});
