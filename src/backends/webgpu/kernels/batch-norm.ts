/**
 * @file Batch normalisation on WebGPU: partial moments by lane, a merge in order, and a pass that applies them; on software adapters all
 * three in one dispatch of a workgroup a channel.
 */
import { f32Bits, type WgslKernel } from '../../../contract/backend.ts';
import type { FusedContext, FusedForward, FusedKernel } from '../../../core/fused.ts';
import type { RunningUpdate } from '../../../core/batch-norm.ts';
import { scope } from '../../../core/scope.ts';
import type { Tensor } from '../../../core/tensor.ts';
import type { GpuFacts } from '../kernel.ts';
import { batchNormApply, batchNormChannel, batchNormGradient, batchNormRunning, batchNormStatistics } from '../shaders.gen.ts';

interface BatchNormParams {
  readonly eps: number;
}

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
function walk(x: Tensor, eps: number): Walk {
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
function byChannel(x: Tensor, facts: GpuFacts): boolean {
  return facts.software && x.shape[1]! > 1;
}

function channelKernel(x: Tensor, eps: number, entryPoint: 'forward' | 'backward'): WgslKernel {
  const [n, c, h, w] = x.shape as readonly [number, number, number, number];
  return {
    kind: 'wgsl',
    name: 'batchNorm2d channel',
    code: batchNormChannel.code,
    entryPoint,
    constants: { LANES: CHANNEL_LANES },
    uniforms: [n, c, h * w, f32Bits(eps)],
    workgroups: [c, 1, 1],
  };
}

function forward(facts: GpuFacts, x: Tensor, weight: Tensor, bias: Tensor, eps: number): FusedForward {
  if (byChannel(x, facts)) {
    const [y, statistics] = x.device.launch(channelKernel(x, eps, 'forward'), [x, weight, bias], [x.shape, [2, x.shape[1]!]]);
    return { output: [y!, statistics!], saved: [statistics!] };
  }
  return scope(() => {
    const { device } = x;
    const w = walk(x, eps);
    const launch = (entry: string, inputs: readonly Tensor[], shapes: readonly (readonly number[])[]): Tensor[] =>
      device.launch(kernel(batchNormStatistics.code, 'batchNorm2d statistics', entry, w), inputs, shapes);
    const [partials] = launch('partial', [x], [[2, w.c, w.lanes]]);
    const [statistics, coefficients] = launch(
      'finalise',
      [partials!, weight, bias],
      [
        [2, w.c],
        [3, w.c],
      ],
    );
    const [y] = device.launch(kernel(batchNormApply.code, 'batchNorm2d', 'main', w), [x, coefficients!], [x.shape]);
    return { output: [y!, statistics!], saved: [statistics!] };
  });
}

/** Gradients of x, weight and bias. */
function backward(
  facts: GpuFacts,
  { inputs: [x], saved: [statistics], params }: FusedContext<BatchNormParams>,
  weight: Tensor,
  g: Tensor,
): Tensor[] {
  const { device } = x!;
  const c = x!.shape[1]!;
  if (byChannel(x!, facts)) {
    return device.launch(channelKernel(x!, params.eps, 'backward'), [x!, g, statistics!, weight], [x!.shape, [c], [c]]);
  }
  const w = walk(x!, params.eps);
  const launch = (entry: string, inputs: readonly Tensor[], shapes: readonly (readonly number[])[]): Tensor[] =>
    device.launch(kernel(batchNormGradient.code, 'batchNorm2d gradient', entry, w), inputs, shapes);
  const [partials] = launch('partial', [x!, g, statistics!], [[2, w.c, w.lanes]]);
  const [coefficients, dweight, dbias] = launch('finalise', [partials!, statistics!, weight], [[5, c], [c], [c]]);
  const [dx] = launch('apply', [x!, g, coefficients!], [x!.shape]);
  return [dx!, dweight!, dbias!];
}

function covered(x: Tensor, facts: GpuFacts): boolean {
  return x.size > 0 && x.shape[1]! <= facts.maxWorkgroups;
}

export function batchNormKernel(facts: GpuFacts): FusedKernel<BatchNormParams> {
  const ones = (x: Tensor): Tensor =>
    x.device.constant(`ones ${x.shape[1]}`, () => ({ data: Array.from({ length: x.shape[1]! }, () => 1), shape: [x.shape[1]!] }));
  const zeros = (x: Tensor): Tensor =>
    x.device.constant(`zeros ${x.shape[1]}`, () => ({ data: Array.from({ length: x.shape[1]! }, () => 0), shape: [x.shape[1]!] }));
  return {
    forward: ([x], { eps }) => (covered(x!, facts) ? forward(facts, x!, ones(x!), zeros(x!), eps) : undefined),
    backward: (context, g) => [backward(facts, context, ones(context.inputs[0]!), g)[0]],
  };
}

export function batchNormAffineKernel(facts: GpuFacts): FusedKernel<BatchNormParams> {
  return {
    forward: ([x, weight, bias], { eps }) => (covered(x!, facts) ? forward(facts, x!, weight!, bias!, eps) : undefined),
    backward: (context, g) => backward(facts, context, context.inputs[1]!, g),
  };
}

/** The update of running statistics in one dispatch, in place: [running, batch] -> running. */
export function batchNormRunningKernel(): FusedKernel<RunningUpdate> {
  return {
    forward([running, batch], { momentum, count }) {
      const c = running!.shape[1]!;
      const rates = [1 - momentum, momentum, (momentum * count) / (count - 1)];
      running!.device.launch(
        {
          kind: 'wgsl',
          name: 'batchNorm2d running',
          code: batchNormRunning.code,
          uniforms: [c, ...rates.map(f32Bits)],
          workgroups: [Math.ceil((2 * c) / 64), 1, 1],
        },
        [batch!],
        [],
        [running!],
      );
      return { output: running! };
    },
  };
}
