/** @file SNAS's table of costs: what the authors published of each operation, and its sum over the cells of a network. */
import { expect, it } from 'vitest';
import { CostTable } from '../../../../src/snas/cost/cost.ts';
import { dartsLayout } from '../../../../src/snas/spaces/darts/choices.ts';
import { costTable, operationCost, placeCosts } from '../../../../src/snas/spaces/darts/cost-table.ts';
import { type OperationName, OPERATIONS } from '../../../../src/snas/spaces/darts/genotype.ts';

it('costs of every operation at 16 channels meet the published table, at stride 1 (side 32) and stride 2 (side 16)', () => {
  const table: Readonly<Record<string, readonly (readonly [number, number, number])[]>> = {
    none: [
      [0, 0, 0],
      [0, 0, 0],
    ],
    max_pool_3x3: [
      [0, 147456, 32768],
      [0, 36864, 20480],
    ],
    avg_pool_3x3: [
      [0, 147456, 32768],
      [0, 36864, 20480],
    ],
    skip_connect: [
      [0, 0, 32768],
      [256, 65536, 37120],
    ],
    sep_conv_3x3: [
      [800, 819200, 131872],
      [800, 204800, 45856],
    ],
    sep_conv_5x5: [
      [1312, 1343488, 132384],
      [1312, 335872, 46368],
    ],
    dil_conv_3x3: [
      [400, 409600, 65936],
      [400, 102400, 29072],
    ],
    dil_conv_5x5: [
      [656, 671744, 66192],
      [656, 167936, 29328],
    ],
  };
  expect(Object.keys(table)).toEqual([...OPERATIONS]);
  for (const [name, rows] of Object.entries(table)) {
    for (const stride of [1, 2] as const) {
      const { parameters, flops, memory } = operationCost(name as OperationName, { channels: 16, side: 32 / stride, stride });
      expect([name, stride, parameters, flops, memory]).toEqual([name, stride, ...rows[stride - 1]!]);
    }
  }
});

it('the table sums the cells of a type, each at its own channels, side and stride', () => {
  const sizes = { channels: 4, cells: 8, nodes: 2, classes: 10, inChannels: 1, imageSide: 32 };
  const byChoice = new CostTable(dartsLayout(2), placeCosts(costTable(sizes))).byChoice();
  const at = (operation: OperationName, channels: number, side: number, stride: 1 | 2): number =>
    operationCost(operation, { channels, side, stride }).memory;
  for (const [k, operation] of OPERATIONS.entries()) {
    // Eight cells reduce at 2 and 5, so the channels are 4 4 8 8 8 16 16 16 and the sides 32 32 16 16 16 8 8 8.
    const normal = 2 * at(operation, 4, 32, 1) + 2 * at(operation, 8, 16, 1) + 2 * at(operation, 16, 8, 1);
    expect(byChoice[0]!.memory[k]).toBeCloseTo(normal, 6);
    expect(byChoice[5]!.memory[k]).toBeCloseTo(at(operation, 8, 16, 2) + at(operation, 16, 8, 2), 6);
    // The last edge of a reduction cell comes from a node of the cell: stride 1.
    expect(byChoice[9]!.memory[k]).toBeCloseTo(at(operation, 8, 16, 1) + at(operation, 16, 8, 1), 6);
  }
});
