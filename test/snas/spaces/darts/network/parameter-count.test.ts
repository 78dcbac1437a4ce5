/** @file The published search network has as many parameters as the same network built in PyTorch. */
import { expect, it } from 'vitest';
import { cpu, key } from '../../../../../src/index.ts';
import { Supernet } from '../../../../../src/snas/spaces/darts/network.ts';
import golden from '../../../../golden/supernet.json' with { type: 'json' };

it('C = 16, 8 cells, RGB, 10 classes: 1,930,618 parameters, here and in PyTorch', () => {
  const net = new Supernet(cpu({ dtype: 'float32' }), key(0), { channels: 16, cells: 8, classes: 10, inChannels: 3 });
  expect(net.parameterCount()).toBe(1_930_618);
  expect(golden.values.searchNetworkParameters).toBe(1_930_618);
});
