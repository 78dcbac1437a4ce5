/**
 * @file Batch normalisation on WebGPU: partial statistics by lane, a merge in order, and a pass that applies them; on software adapters all
 * three in one dispatch of a workgroup a channel.
 */
import type { BatchNormParams, FusedOperands, FusedRow, Operand, RunningUpdate, WgslKernel } from '../../../contract/backend.ts';
import type { Shape } from '../../../contract/shape.ts';
import { kernelOf, type Uniforms } from '../runtime/shader.ts';
import type { AdapterTraits, Gpu } from '../kernel.ts';
import { batchNormApply, batchNormChannel, batchNormGradient, batchNormRunning, batchNormStatistics } from '../shaders.gen.ts';

/** Lanes of a channel's workgroup: one or two subgroups of a software adapter, for which its barrier costs next to nothing. */
const CHANNEL_LANES = 8;
/** Elements that a lane takes: enough to hide the cost of starting it, few enough that all cores get lanes. */
const ELEMENTS_PER_LANE = 64;
const LARGEST_LANES = 1024;
/** Elements of a channel beyond which lanes are added, so that none has more than 256 of them. */
const LONGEST = 256 * LARGEST_LANES;
/** Elements of a plane up to which eight lanes add their shares of it in a row. */
const LONGEST_PLANE = 2 ** 13;

/** How the lanes of a channel share its elements: the shaders' `struct Channels`, up to eps. */
function lanesOver(x: Operand): Uniforms<typeof batchNormApply> {
  const [n, c, h, w] = x.shape as readonly [number, number, number, number];
  const plane = h * w;
  const count = n * plane;
  const usual = Math.min(LARGEST_LANES, 64 * Math.ceil(count / (64 * ELEMENTS_PER_LANE)));
  const lanes = count > LONGEST ? 64 * Math.ceil(count / (64 * 256)) : usual;
  return { c, plane, count, lanes, stepPlanes: Math.floor(lanes / plane), stepOffset: lanes % plane };
}

/** One dispatch in place of three, where few workgroups do not leave the device idle. */
function byChannel(x: Operand, traits: AdapterTraits): boolean {
  const [n, c, h, w] = x.shape as readonly [number, number, number, number];
  return traits.software && c > 1 && h * w <= LONGEST_PLANE && n * h * w <= LONGEST;
}

function channelKernel(x: Operand, eps: number, entryPoint: 'forward' | 'backward'): WgslKernel {
  const [n, c, h, w] = x.shape as readonly [number, number, number, number];
  const constants = { LANES: CHANNEL_LANES };
  return kernelOf(batchNormChannel, { entryPoint, constants, uniforms: { n, c, plane: h * w, eps }, workgroups: [c, 1, 1] });
}

function forward(gpu: Gpu, inputs: readonly Operand[], outputs: readonly Operand[], eps: number): void {
  const [x, weight, bias] = inputs as readonly [Operand, Operand, Operand];
  const [y, statistics] = outputs as readonly [Operand, Operand];
  if (byChannel(x, gpu.traits)) return gpu.launch(channelKernel(x, eps, 'forward'), inputs, outputs);
  const share = lanesOver(x);
  const { c, lanes } = share;
  const uniforms = { ...share, eps, zero: 0 };
  const byLane = [lanes / 64, c, 1] as const;
  const laneStatistics = gpu.temporary([2, c, lanes]);
  const coefficients = gpu.temporary([3, c]);
  const partial = kernelOf(batchNormStatistics, { entryPoint: 'partial', uniforms, workgroups: byLane });
  gpu.launch(partial, [x], [laneStatistics]);
  const finalise = kernelOf(batchNormStatistics, { entryPoint: 'finalise', uniforms, workgroups: [Math.ceil(c / 8), 1, 1] });
  gpu.launch(finalise, [laneStatistics, weight, bias], [statistics, coefficients]);
  gpu.launch(kernelOf(batchNormApply, { entryPoint: 'main', uniforms: share, workgroups: byLane }), [x, coefficients], [y]);
}

/** Gradients of x, weight and bias. */
function backward(
  gpu: Gpu,
  { inputs: [x], outputs: [, statistics], g }: FusedOperands,
  weight: Operand,
  gradients: readonly Operand[],
  eps: number,
): void {
  if (byChannel(x!, gpu.traits)) {
    return gpu.launch(channelKernel(x!, eps, 'backward'), [x!, g, statistics!, weight], gradients);
  }
  const uniforms = { ...lanesOver(x!), eps, zero: 0 };
  const { c, lanes } = uniforms;
  const [dx, dweight, dbias] = gradients as readonly [Operand, Operand, Operand];
  const byLane = [lanes / 64, c, 1] as const;
  const laneSums = gpu.temporary([2, c, lanes]);
  const coefficients = gpu.temporary([5, c]);
  const partial = kernelOf(batchNormGradient, { entryPoint: 'partial', uniforms, workgroups: byLane });
  gpu.launch(partial, [x!, g, statistics!], [laneSums]);
  const finalise = kernelOf(batchNormGradient, { entryPoint: 'finalise', uniforms, workgroups: [Math.ceil(c / 8), 1, 1] });
  gpu.launch(finalise, [laneSums, statistics!, weight], [coefficients, dweight, dbias]);
  gpu.launch(kernelOf(batchNormGradient, { entryPoint: 'apply', uniforms, workgroups: byLane }), [x!, g, coefficients], [dx]);
}

function covers(gpu: Gpu, x: Shape): boolean {
  return x[1]! <= gpu.traits.maxWorkgroups;
}

/** Without weight and bias: with ones and zeros in their place. */
export function batchNormRow(gpu: Gpu): FusedRow<BatchNormParams> {
  const channels = (x: Operand): Shape => [x.shape[1]!];
  return {
    covers: (_params, [x]) => covers(gpu, x!),
    forward({ eps }, [x], outputs) {
      forward(gpu, [x!, gpu.constant(channels(x!), 1), gpu.constant(channels(x!), 0)], outputs, eps);
    },
    backward({ eps }, operands, [dx]) {
      const [x] = operands.inputs;
      const unused = [gpu.temporary(channels(x!)), gpu.temporary(channels(x!))];
      backward(gpu, operands, gpu.constant(channels(x!), 1), [dx!, ...unused], eps);
    },
  };
}

export function batchNormAffineRow(gpu: Gpu): FusedRow<BatchNormParams> {
  return {
    covers: (_params, [x]) => covers(gpu, x!),
    forward: ({ eps }, inputs, outputs) => forward(gpu, inputs, outputs, eps),
    writes: () => [true, true, true],
    backward({ eps }, operands, gradients) {
      backward(gpu, operands, operands.inputs[1]!, gradients as readonly Operand[], eps);
    },
  };
}

/** The update of running statistics in one dispatch, in place: [batch] -> [running]. */
export function batchNormRunningRow(gpu: Gpu): FusedRow<RunningUpdate> {
  return {
    forward({ momentum, count }, batch, running) {
      const c = running[0]!.shape[1]!;
      const uniforms = { c, keep: 1 - momentum, meanRate: momentum, varianceRate: (momentum * count) / (count - 1) };
      gpu.launch(kernelOf(batchNormRunning, { uniforms, workgroups: [Math.ceil((2 * c) / 64), 1, 1] }), batch, running);
    },
  };
}
