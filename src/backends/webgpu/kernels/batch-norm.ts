/**
 * @file Batch normalisation on WebGPU: partial moments by lane, a merge in order, and a pass that applies them; on software adapters all
 * three in one dispatch of a workgroup a channel.
 */
import {
  type BatchNormParams,
  f32Bits,
  type FusedOperands,
  type FusedRow,
  type Operand,
  type RunningUpdate,
  type WgslKernel,
} from '../../../contract/backend.ts';
import type { Shape } from '../../../contract/shape.ts';
import type { Gpu, GpuFacts } from '../kernel.ts';
import { batchNormApply, batchNormChannel, batchNormGradient, batchNormRunning, batchNormStatistics } from '../shaders.gen.ts';

/** Lanes of a channel's workgroup: one or two subgroups of a software adapter, for which its barrier costs next to nothing. */
const CHANNEL_LANES = 8;
/** Elements that a lane walks: enough to hide the cost of starting it, few enough that all cores get lanes. */
const ELEMENTS_PER_LANE = 64;
const LARGEST_LANES = 1024;

interface Walk {
  readonly c: number;
  readonly lanes: number;
  readonly words: readonly number[];
}

/** How the lanes of a channel share its elements: the shaders' `struct Channels`. */
function walk(x: Operand, eps: number): Walk {
  const [n, c, h, w] = x.shape as readonly [number, number, number, number];
  const plane = h * w;
  const count = n * plane;
  const lanes = Math.min(LARGEST_LANES, 64 * Math.ceil(count / (64 * ELEMENTS_PER_LANE)));
  return { c, lanes, words: [c, plane, count, lanes, Math.floor(lanes / plane), lanes % plane, f32Bits(eps)] };
}

function kernel(code: string, name: string, entryPoint: string, { c, lanes, words }: Walk): WgslKernel {
  const workgroups = entryPoint === 'finalise' ? ([Math.ceil(c / 8), 1, 1] as const) : ([lanes / 64, c, 1] as const);
  return { kind: 'wgsl', name: `${name} ${entryPoint}`, code, entryPoint, uniforms: words, workgroups };
}

/** One dispatch in place of three, where few workgroups do not leave the device idle. */
function byChannel(x: Operand, facts: GpuFacts): boolean {
  return facts.software && x.shape[1]! > 1;
}

function channelKernel(x: Operand, eps: number, entryPoint: 'forward' | 'backward'): WgslKernel {
  const [n, c, h, w] = x.shape as readonly [number, number, number, number];
  return {
    kind: 'wgsl',
    name: 'batchNorm2d channel',
    code: batchNormChannel,
    entryPoint,
    constants: { LANES: CHANNEL_LANES },
    uniforms: [n, c, h * w, f32Bits(eps)],
    workgroups: [c, 1, 1],
  };
}

function forward(gpu: Gpu, inputs: readonly Operand[], outputs: readonly Operand[], eps: number): void {
  const [x, weight, bias] = inputs as readonly [Operand, Operand, Operand];
  const [y, statistics] = outputs as readonly [Operand, Operand];
  if (byChannel(x, gpu.facts)) return gpu.launch(channelKernel(x, eps, 'forward'), inputs, outputs);
  const w = walk(x, eps);
  const partials = gpu.temporary([2, w.c, w.lanes]);
  const coefficients = gpu.temporary([3, w.c]);
  gpu.launch(kernel(batchNormStatistics, 'batchNorm2d statistics', 'partial', w), [x], [partials]);
  const finalise = kernel(batchNormStatistics, 'batchNorm2d statistics', 'finalise', w);
  gpu.launch(finalise, [partials, weight, bias], [statistics, coefficients]);
  gpu.launch(kernel(batchNormApply, 'batchNorm2d', 'main', w), [x, coefficients], [y]);
}

/** Gradients of x, weight and bias. */
function backward(
  gpu: Gpu,
  { inputs: [x], outputs: [, statistics], g }: FusedOperands,
  weight: Operand,
  gradients: readonly Operand[],
  eps: number,
): void {
  if (byChannel(x!, gpu.facts)) {
    return gpu.launch(channelKernel(x!, eps, 'backward'), [x!, g, statistics!, weight], gradients);
  }
  const w = walk(x!, eps);
  const [dx, dweight, dbias] = gradients as readonly [Operand, Operand, Operand];
  const launch = (entry: string, inputs: readonly Operand[], outputs: readonly Operand[]): void =>
    gpu.launch(kernel(batchNormGradient, 'batchNorm2d gradient', entry, w), inputs, outputs);
  const partials = gpu.temporary([2, w.c, w.lanes]);
  const coefficients = gpu.temporary([5, w.c]);
  launch('partial', [x!, g, statistics!], [partials]);
  launch('finalise', [partials, statistics!, weight], [coefficients, dweight, dbias]);
  launch('apply', [x!, g, coefficients], [dx]);
}

function covers(gpu: Gpu, x: Shape): boolean {
  return x[1]! <= gpu.facts.maxWorkgroups;
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
      const rates = [1 - momentum, momentum, (momentum * count) / (count - 1)];
      gpu.launch(
        {
          kind: 'wgsl',
          name: 'batchNorm2d running',
          code: batchNormRunning,
          uniforms: [c, ...rates.map(f32Bits)],
          workgroups: [Math.ceil((2 * c) / 64), 1, 1],
        },
        batch,
        running,
      );
    },
  };
}
