/** @file NAS-Bench-201's strings and the benchmark's own network. */
import { expect, it } from 'vitest';
import { cpu, key } from '../../../src/index.ts';
import {
  makeChild,
  nasbench201,
  NASBENCH201_OPERATIONS,
  parseNasbench201,
  printNasbench201,
  type NetworkContext,
} from '../../../src/snas/index.ts';

it('reads and writes each of its 5^6 = 15,625 strings', () => {
  const seen = new Set<string>();
  for (let i = 0; i < 5 ** 6; i++) {
    const op = (edge: number): string => NASBENCH201_OPERATIONS[Math.floor(i / 5 ** edge) % 5]!;
    const text = `|${op(0)}~0|+|${op(1)}~0|${op(2)}~1|+|${op(3)}~0|${op(4)}~1|${op(5)}~2|`;
    const architecture = parseNasbench201(text);
    seen.add(JSON.stringify(architecture));
    expect(printNasbench201(architecture)).toBe(text);
  }
  expect(seen.size).toBe(15_625);
});

it.each([
  ['|none~0|+|none~0|none~1|', /2 nodes joined by \+, not 3/],
  ['|none~0|+|none~0|+|none~0|none~1|none~2|', /node 2 has 1 edges, not 2/],
  ['|conv~0|+|none~0|none~1|+|none~0|none~1|none~2|', /'conv' of node 1 is none of none, skip_connect/],
  ['|none~0|+|none~1|none~0|+|none~0|none~1|none~2|', /edge 1 of node 2 must end in ~0/],
  ['none~0+|none~0|none~1|+|none~0|none~1|none~2|', /node 1 does not stand between two/],
])('refuses %s', (text, message) => {
  expect(() => parseNasbench201(text)).toThrow(message);
});

it("has the benchmark's numbers of parameters at 16 channels and 5 cells a stage on CIFAR-10", () => {
  const device = cpu({ dtype: 'float32' });
  const context: NetworkContext = { device, key: key(0), channels: 3, height: 32, width: 32, item: [3, 32, 32], classes: 10 };
  const parameters = (text: string): number => {
    const definition = nasbench201({ channels: 16, cells: 5 });
    const child = makeChild(definition, context, parseNasbench201(text));
    const count = child.parameterCount();
    child.dispose();
    return count;
  };
  // Dong and Yang, ICLR 2020: `params` of these architectures in the benchmark's table, in millions.
  expect(
    parameters('|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|') / 1e6,
  ).toBeCloseTo(1.531546, 6);
  expect(parameters('|none~0|+|none~0|none~1|+|none~0|none~1|none~2|') / 1e6).toBeCloseTo(0.073306, 6);
});
