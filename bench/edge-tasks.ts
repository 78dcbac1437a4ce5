/**
 * @file Tasks beside those of tasks.ts in which looking at edges may cost time: bits tested for NaN, long sums in blocks, numbers of the
 * host looked at one by one. Only checkouts of this library are given them.
 */
import { both, input, type Input, type Operation, type Task } from './tasks.ts';

const matrix = (rows: number, columns: number): Input => input('matrix', [rows, columns]);
const labels = (rows: number, columns: number, classes: number): Input =>
  input('labels', [rows, columns], { fill: 'labels', classes });
const forward = (name: string, operation: Operation, sizes: string, inputs: readonly Input[]): Task => ({
  ...{ name, operation, sizes, inputs },
  direction: 'f',
  dilation: 1,
});

function bitTests(): Task[] {
  const side = 1024;
  const sizes = `${side} x ${side}`;
  const square = (): Input => matrix(side, side);
  return [
    ...both('max_rows', 'max', sizes, [square()], input('vector', [side]), { axis: 1 }),
    ...both('max_columns', 'max', sizes, [square()], input('vector', [side]), { axis: 0 }),
    ...both('max_all', 'max', sizes, [square()], input('vector', [])),
    ...both('maximum', 'maximum', sizes, [square(), square()], square()),
    forward('greater.f', 'greater', sizes, [square(), square()]),
    forward('where.f', 'where', sizes, [square(), square(), square()]),
    ...both('relu', 'relu', sizes, [square()], square()),
    ...both('sigmoid', 'sigmoid', sizes, [square()], square()),
    ...both('softplus', 'softplus', sizes, [square()], square()),
    forward('log.f', 'log', sizes, [input('matrix', [side, side], { fill: 'magnitudes' })]),
    ...both('softmax_short', 'softmax', '65536 x 16', [matrix(65536, 16)], matrix(65536, 16), { axis: 1 }),
    ...both('softmax_long', 'softmax', sizes, [square()], square(), { axis: 1 }),
    ...both('logsumexp', 'logSumExp', sizes, [square()], input('vector', [side]), { axis: 1 }),
    ...both('maxpool2s2', 'maxPool2', '32 x 16 x 32 x 32', [input('image', [32, 16, 32, 32])], input('image', [32, 16, 16, 16])),
  ];
}

function longSums(): Task[] {
  const product = (name: string, m: number, k: number, n: number): Task[] =>
    both(name, 'matmul', `${m} x ${k} x ${n}`, [matrix(m, k), matrix(k, n)], matrix(m, n), { flops: 2 * m * k * n });
  const image = (): Input => input('image', [64, 4, 64, 64]);
  const square = (): Input => matrix(1024, 1024);
  return [
    ...product('matmul_k128', 256, 128, 256),
    ...product('matmul_k129', 256, 129, 256),
    ...product('matmul_k16384', 64, 16384, 64),
    ...product('linear_batch4096', 4096, 64, 64),
    ...both('sum_rows', 'sum', '1024 x 1024', [square()], input('vector', [1024]), { axis: 1 }),
    ...both('sum_columns', 'sum', '1024 x 1024', [square()], input('vector', [1024]), { axis: 0 }),
    forward('sum_all.f', 'sum', '4194304', [input('vector', [2 ** 22])]),
    ...both('variance', 'variance', '1024 x 1024', [square()], input('vector', [1024]), { axis: 1 }),
    ...both('bn_c4_64', 'batchNorm', '64 x 4 x 64 x 64', [image(), input('vector', [4]), input('vector', [4])], image()),
  ];
}

function hostNumbers(): Task[] {
  const rows = [256, 1000] as const;
  const index = (): Input => labels(256, 100, 1000);
  return [
    forward('take', 'take', '256 x 100 of 256 x 1000, index on the device', [matrix(...rows), index()]),
    forward('put', 'put', '256 x 100 into 256 x 1000, index on the device', [matrix(256, 100), index()]),
    forward('take_rows', 'takeRows', '256 x 100 of 256 x 1000, index of the host', [matrix(...rows), index()]),
    forward('put_rows', 'putRows', '256 x 100 into 256 x 1000, index of the host', [matrix(256, 100), index()]),
    forward('xent_list', 'labelList', '4096 x 10, labels of the host', [matrix(4096, 10), labels(4096, 1, 10)]),
    forward('tensor_list', 'numberList', '100000 numbers', [matrix(1, 100_000)]),
    forward('tensor_nested', 'nestedList', '1000 lists of 100', [matrix(1000, 100)]),
    forward('small_operations', 'smallOperations', '300 operations on 8 elements', [input('vector', [8]), input('vector', [8])]),
  ];
}

function steps(): Task[] {
  const weights = [matrix(256, 256), matrix(256, 256), matrix(10, 256)];
  const task = { direction: 'step', dilation: 1 } as const;
  return [
    {
      ...task,
      name: 'clipped_step',
      operation: 'clippedStep',
      sizes: '64 x 256, 3 layers, clipGradNorm, Adam',
      inputs: [
        matrix(64, 256),
        input('labels', [64], { fill: 'labels', classes: 10 }),
        ...weights.map((w) => ({ ...w, scale: 0.05 })),
      ],
    },
    { ...task, name: 'snas_step_c4_3cells_14', operation: 'snasStep', sizes: 'the default training step, batch 32', inputs: [] },
  ];
}

export const EDGE_TASKS: readonly Task[] = [...bitTests(), ...longSums(), ...hostNumbers(), ...steps()];
