/** @file Heads, networks and estimators of one's own from a FILE, and what is refused of it. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { estimatorsOf, headOf, networkOf } from '../../../experiments/credit/own.ts';
import { enumerate, reinforce, runLaboratory, singleEdgeFixture } from '../../../src/credit/index.ts';
import { cpu, key } from '../../../src/index.ts';

const device = cpu();
let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'reparam-own-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function file(name: string, text: string): Promise<string> {
  const full = path.join(folder, name);
  await writeFile(full, text);
  return full;
}

it('a head, a network and an estimator from files are those that the files make', async () => {
  // Without an import: each part is made of what it is given.
  const head = await headOf(
    await file('head.mjs', 'export default ({ size }) => (x) => x.size === x.shape[0] * size ? x : 0;'),
    device,
    1,
  );
  expect(typeof head).toBe('function');
  const network = await networkOf(
    await file(
      'network.mjs',
      `export default ({ device, seed }) => ({ device, edges: [{ name: 'a-b', from: 0, to: 1 }], operations: 2, network: () => ({
        edges: [], run: () => ({ losses: device.tensor([seed], [1]), nodes: new Map() }) }) });`,
    ),
    device,
    7,
  );
  expect(network.edges[0]!.name).toBe('a-b');
  expect(
    await network
      .network(device.tensor([1, 0], [1, 1, 2]))
      .run()
      .losses.item(),
  ).toBe(7);
  const fixture = singleEdgeFixture(device, { head: 'softmax' });
  const context = { fixture, logits: [[0.3, -0.2]], temperature: 1, key: key(1) };
  const mine = await file(
    'estimators.mjs',
    `export default ({ temperature }) => [{ name: 'mine ' + temperature, unbiased: true, relaxed: false, passes: { forward: 0, backward: 0 }, estimate: ({ noise }) => noise }];`,
  );
  const estimators = await estimatorsOf(mine, context);
  const report = await runLaboratory({
    ...context,
    samples: 64,
    estimators: [reinforce, ...estimators],
    exact: await enumerate(fixture, context.logits),
  });
  expect(report.estimators.map((e) => e.name)).toEqual(['REINFORCE', 'mine 1']);
});

it('what a file does not make is refused with its name and what is needed', async () => {
  const fixture = singleEdgeFixture(device, { head: 'softmax' });
  const context = { fixture, logits: [[0, 0]], temperature: 1, key: key(1) };
  await expect(headOf('cubic', device, 1)).rejects.toThrow("head 'cubic' is unknown; choose one of linear");
  await expect(headOf(path.join(folder, 'nowhere.mjs'), device, 1)).rejects.toThrow('there is no such file');
  const empty = await file('empty.mjs', 'export const head = 1;');
  await expect(headOf(empty, device, 1)).rejects.toThrow(
    /empty\.mjs has no default export that is a function: export default \(\{ device, size, key \}\)/,
  );
  const nothing = await file('nothing.mjs', 'export default () => ({});');
  await expect(networkOf(nothing, device, 1)).rejects.toThrow(/nothing\.mjs makes no network: an object \{ device, edges/);
  await expect(estimatorsOf(nothing, context)).rejects.toThrow(/nothing\.mjs makes no estimator: an object \{ name/);
  await expect(headOf(nothing, device, 1)).rejects.toThrow(/nothing\.mjs makes no head: a function/);
  const broken = await file('broken.mjs', "export default () => { throw new TypeError('mine'); };");
  await expect(networkOf(broken, device, 1)).rejects.toThrow(/broken\.mjs fails: TypeError: mine/);
});
