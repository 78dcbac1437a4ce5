/** @file The tasks that are measured: shapes and initial data, one source for our side and for every peer; N = 32 images unless said otherwise. */

/** What an input means, for peers whose layout differs from [n, c, h, w] and [out, in, kh, kw]. */
export type Role = 'image' | 'filter' | 'taps' | 'matrix' | 'vector' | 'labels' | 'head';

export interface Input {
  readonly role: Role;
  readonly shape: readonly number[];
  /** normal: of the given scale, from the seed; magnitudes: of those; labels: element i is (7 i) mod classes. */
  readonly fill: 'normal' | 'magnitudes' | 'ones' | 'zeros' | 'labels';
  readonly seed: number;
  readonly scale: number;
  readonly classes: number;
}

export type Operation =
  | 'matmul'
  | 'conv'
  | 'separable'
  | 'depthwise'
  | 'batchNorm'
  | 'maxPool'
  | 'avgPool'
  | 'crossEntropy'
  | 'cnnStep'
  | 'mixedOp'
  | EdgeOperation;

/** Operations of edge-tasks.ts. */
export type EdgeOperation =
  | 'max'
  | 'maximum'
  | 'greater'
  | 'where'
  | 'relu'
  | 'sigmoid'
  | 'softplus'
  | 'log'
  | 'softmax'
  | 'logSumExp'
  | 'maxPool2'
  | 'sum'
  | 'variance'
  | 'take'
  | 'put'
  | 'takeRows'
  | 'putRows'
  | 'labelList'
  | 'numberList'
  | 'nestedList'
  | 'smallOperations'
  | 'clippedStep'
  | 'snasStep';

export interface Task {
  readonly name: string;
  readonly operation: Operation;
  /** f: outputs; fb: gradients of every input but labels, with `cotangent` (1 for a scalar); step: parameters updated in place. */
  readonly direction: 'f' | 'fb' | 'step';
  readonly dilation: number;
  /** Axis of a reduction or of a softmax; all axes where it is not given. */
  readonly axis?: number;
  readonly inputs: readonly Input[];
  readonly cotangent?: Input;
  /** Of a SNAS step: the file with what it starts from, a `StepExchange`, for peers, and then norms are told. */
  readonly exchange?: string;
  /** Sizes, for the table. */
  readonly sizes: string;
  /** Multiplications and additions of one run, where that is a fair measure. */
  readonly flops?: number;
}

const N = 32;
let seeds = 0;

export function input(role: Role, shape: readonly number[], more: Partial<Input> = {}): Input {
  return { role, shape, fill: 'normal', seed: seeds++, scale: 1, classes: 0, ...more };
}

const labels = (n: number, classes: number): Input => input('labels', [n], { fill: 'labels', classes });
const taps = (c: number, k: number): Input => input('taps', [c, 1, k, k], { scale: 0.1 });
const filter = (o: number, c: number, k: number): Input => input('filter', [o, c, k, k], { scale: 0.1 });

/** The forward pass, and forward and backward. */
export function both(
  name: string,
  operation: Operation,
  sizes: string,
  inputs: readonly Input[],
  cotangent: Input,
  more: { readonly flops?: number; readonly dilation?: number; readonly axis?: number } = {},
): Task[] {
  const { flops, dilation = 1, axis } = more;
  const task = { operation, dilation, inputs, sizes, ...(axis !== undefined && { axis }) };
  return [
    { ...task, name: `${name}.f`, direction: 'f', ...(flops !== undefined && { flops }) },
    { ...task, name: `${name}.fb`, direction: 'fb', cotangent, ...(flops !== undefined && { flops: 3 * flops }) },
  ];
}

function matmuls(): Task[] {
  return [256, 512, 1024].flatMap((n) => {
    const matrix = (): Input => input('matrix', [n, n]);
    return both(`matmul${n}`, 'matmul', `${n} x ${n} x ${n}`, [matrix(), matrix()], matrix(), { flops: 2 * n ** 3 });
  });
}

function convolutions(): Task[] {
  const dense = ([name, c, side, k]: readonly [string, number, number, number]): Task[] => {
    const image = (): Input => input('image', [N, c, side, side]);
    const sizes = `${N} x ${c} x ${side} x ${side}, ${k} x ${k}`;
    return both(name, 'conv', sizes, [image(), filter(c, c, k)], image(), { flops: 2 * N * c * c * side * side * k * k });
  };
  const separable = ([name, k, dilation]: readonly [string, number, number]): Task[] => {
    const image = (): Input => input('image', [N, 16, 32, 32]);
    const sizes = `${N} x 16 x 32 x 32, depthwise ${k} x ${k}, dilation ${dilation}`;
    const pixels = 2 * N * 16 * 32 * 32;
    return [
      ...both(`${name}_c16_32`, 'separable', `${sizes}, then 1 x 1`, [image(), taps(16, k), filter(16, 16, 1)], image(), {
        dilation,
        flops: pixels * (k * k + 16),
      }),
      both(`dw_${name}_c16_32`, 'depthwise', sizes, [image(), taps(16, k)], image(), { dilation, flops: pixels * k * k })[1]!,
    ];
  };
  return [
    ...dense(['conv3_c16_32', 16, 32, 3]),
    ...dense(['conv3_c64_8', 64, 8, 3]),
    ...dense(['conv1_c16_32', 16, 32, 1]),
    ...separable(['sep3', 3, 1]),
    ...separable(['dil5', 5, 2]),
  ];
}

function normsAndPools(): Task[] {
  const image = (): Input => input('image', [N, 16, 32, 32]);
  const sizes = `${N} x 16 x 32 x 32`;
  return [
    ...both('bn_c16_32', 'batchNorm', sizes, [image(), input('vector', [16]), input('vector', [16])], image()),
    ...both('maxpool3s1', 'maxPool', sizes, [image()], image()),
    ...both('avgpool3s1', 'avgPool', sizes, [image()], image()),
    {
      name: 'xent256x1000.fb',
      operation: 'crossEntropy',
      direction: 'fb',
      dilation: 1,
      sizes: '256 x 1000',
      inputs: [input('matrix', [256, 1000]), labels(256, 1000)],
    },
  ];
}

/** Three 3x3 convolutions with batch norm and relu at 28 x 28, max pool, linear, cross-entropy and SGD, batch 64. */
function cnnStep(): Task {
  const vector = (fill: 'ones' | 'zeros', n = 16): Input => input('vector', [n], { fill });
  return {
    name: 'cnn28_step',
    operation: 'cnnStep',
    direction: 'step',
    dilation: 1,
    sizes: '64 x 1 x 28 x 28, C = 16',
    inputs: [
      input('image', [64, 1, 28, 28]),
      labels(64, 10),
      ...[filter(16, 1, 3), filter(16, 16, 3), filter(16, 16, 3)],
      ...[vector('ones'), vector('ones'), vector('ones')],
      ...[vector('zeros'), vector('zeros'), vector('zeros')],
      input('head', [10, 16 * 14 * 14], { scale: 0.1 }),
      vector('zeros', 10),
    ],
  };
}

/** One mixed edge of SNAS, all eight operations at C = 16, 16 x 16, forward and backward to input, log alpha and weights. */
function mixedOp(): Task {
  const c = 16;
  const image = (): Input => input('image', [N, c, 16, 16]);
  return {
    name: 'mixedop16_step',
    operation: 'mixedOp',
    direction: 'fb',
    dilation: 1,
    sizes: `${N} x ${c} x 16 x 16, 8 operations`,
    inputs: [image(), input('vector', [8]), ...[3, 3, 5, 5, 3, 5].flatMap((k) => [taps(c, k), filter(c, c, 1)])],
    cotangent: image(),
  };
}

export const TASKS: readonly Task[] = [...matmuls(), ...convolutions(), ...normsAndPools(), cnnStep(), mixedOp()];
