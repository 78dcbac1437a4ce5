/** @file Children of every shipped space: what they hold and compute, what they inherit, and how they are saved and loaded again without the supernet. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { cpu, foldIn, key, normals, OptionError, type Tensor } from '../../../src/index.ts';
import { readSafetensors, writeSafetensors } from '../../../src/export/index.ts';
import type { StateDict } from '../../../src/nn/index.ts';
import {
  type Architecture,
  architectureOf,
  childRecord,
  type ChildRecord,
  countCost,
  hostRows,
  loadChild,
  makeChild,
  type NetworkContext,
  networkContext,
  oneHotWeights,
  optionIndices,
  recordedArchitecture,
  SearchSpace,
  Snas,
  SPACES,
} from '../../../src/snas/index.ts';

const device = cpu({ dtype: 'float64' });
const NAMES = Object.keys(SPACES);

function contextOf(name: string): NetworkContext {
  return networkContext(device, key(4), { shape: name === 'mlp' ? [6] : [2, 8, 8], classes: 3 });
}

function spaceOf(name: string): SearchSpace {
  return new SearchSpace(SPACES[name]!.make(SPACES[name]!.presets.smoke), contextOf(name));
}

/** Takes another option of each choice, so that all kinds come. */
function mixed({ layout }: SearchSpace): Architecture {
  return architectureOf(
    layout,
    layout.choices.map(({ options }, c) => (2 * c + 1) % options.length),
  );
}

const examples = ({ context }: SearchSpace, n = 4): Tensor =>
  device.tensor(normals(foldIn(key(1), n), n * context.item.reduce((a, b) => a * b, 1)), [n, ...context.item]);

describe.each(NAMES)('a child of space %s', (name) => {
  it('is named by one option for each choice', async () => {
    const space = spaceOf(name);
    const strategy = new Snas(device, key(2), space);
    const architecture = await strategy.derive();
    expect(Object.keys(architecture)).toEqual(space.layout.choices.map((choice) => choice.name));
    const rows = await hostRows(space.layout, strategy.probabilities());
    for (const [c, option] of optionIndices(space.layout, architecture).entries())
      expect(rows[c]![option]).toBe(Math.max(...rows[c]!));
  });

  it('holds and computes only what was chosen, and gives what the supernet gives under its one-hot Z', async () => {
    const space = spaceOf(name);
    const architecture = mixed(space);
    const child = space.child(architecture, { inherit: true });
    // Names of state: a part of the supernet's, and no other option's.
    const held = Object.keys(await child.stateDict());
    const all = await space.network.stateDict();
    for (const state of held) expect(all).toHaveProperty([state]);
    expect(child.parameterCount()).toBeLessThan(space.network.parameterCount());
    for (const { name: choice, options } of space.layout.choices) {
      for (const option of options) {
        if (option === (architecture[choice] ?? 'none') || name === 'darts') continue;
        for (const holder of space.holders.filter((h) => h.name === choice)) {
          const path = [...space.network.namedModules()].find(([, module]) => module === holder)?.[0];
          expect(held.filter((state) => state.startsWith(`${path}.${option}.`))).toEqual([]);
        }
      }
    }
    // Without running statistics, which differ between the two: both in training mode, one pass each.
    const x = examples(space);
    const z = oneHotWeights(device, space.layout, optionIndices(space.layout, architecture));
    const expected = await space.forward(x, z).data();
    const found = await child.forward(x).data();
    for (const [i, v] of found.entries()) expect(v).toBeCloseTo(expected[i]!, 9);
    // Fewer operations than the supernet: it is asked for nothing that was not chosen.
    child.eval();
    space.network.eval();
    const most = countCost((input: Tensor) => space.forward(input, z), [x.shape], { device });
    const least = countCost(child, [x.shape], { device });
    expect(least.operations.length).toBeLessThan(most.operations.length);
    expect(least.cost.flops).toBeLessThan(most.cost.flops);
  });

  it('comes back from JSON and safetensors without its supernet, to the bit', async () => {
    const space = spaceOf(name);
    const architecture = mixed(space);
    const child = space.child(architecture, { inherit: true });
    const bytes = writeSafetensors(await child.stateDict());
    const json = JSON.stringify(childRecord(space.definition, architecture));
    child.eval();
    const x = examples(space);
    const expected = await child.forward(x).data();

    const record = JSON.parse(json) as ChildRecord;
    expect(Object.keys(record)).toEqual(['space', 'settings', 'choices']);
    const definition = SPACES[record.space]!.make(record.settings as Record<string, number>);
    const state: StateDict = readSafetensors({ name: 'child', bytes }).tensors;
    const again = loadChild(definition, contextOf(name), recordedArchitecture(definition, record), state);
    again.eval();
    expect(await again.forward(x).data()).toEqual(expected);
    expect(await again.stateDict()).toEqual(await child.stateDict());
    // The form of the space's own people, where there is one.
    const { literal } = space.definition;
    const read = literal?.parse(literal.print(architecture)) ?? architecture;
    expect(optionIndices(space.layout, read)).toEqual(optionIndices(space.layout, architecture));
  });

  it('is refused by name in another space, with other settings, and with choices or options that the space does not have', () => {
    const space = spaceOf(name);
    const { definition } = space;
    const architecture = mixed(space);
    const other = NAMES.find((n) => n !== name)!;
    const refused = (body: () => unknown, message: RegExp): void => {
      expect(body).toThrow(OptionError);
      expect(body).toThrow(message);
    };
    refused(
      () => recordedArchitecture(spaceOf(other).definition, childRecord(definition, architecture)),
      new RegExp(`saved for the space '${name}', and this is '${other}'`),
    );
    const [setting, value] = Object.entries(SPACES[name]!.presets.smoke)[0]!;
    const larger = SPACES[name]!.make({ ...SPACES[name]!.presets.smoke, [setting]: value + 1 });
    refused(
      () => recordedArchitecture(larger, childRecord(definition, architecture)),
      new RegExp(`${name} with ${setting} ${value}, and this one has ${setting} ${value + 1}`),
    );
    const context = contextOf(name);
    const [first] = space.layout.choices;
    refused(() => makeChild(definition, context, { ...architecture, elsewhere: 'conv' }), /elsewhere/);
    refused(
      () => makeChild(definition, context, { ...architecture, [first!.name]: 'conv_99x99' }),
      new RegExp(`${first!.name}.*conv_99x99`),
    );
  });
});

it('a process that never makes a supernet loads a child in a fraction of its memory', () => {
  const root = fileURLToPath(new URL('../../../', import.meta.url));
  const run = (what: string): { readonly bytes: number; readonly parameters: number } => {
    const tsx = fileURLToPath(new URL('../../../node_modules/tsx/dist/cli.mjs', import.meta.url));
    const { stdout, stderr, status } = spawnSync(process.execPath, [tsx, 'test/support/child-memory.ts', what], {
      cwd: root,
      encoding: 'utf8',
    });
    expect([status, stderr]).toEqual([0, '']);
    return JSON.parse(stdout) as { bytes: number; parameters: number };
  };
  const child = run('child');
  const supernet = run('supernet');
  // Each parameter four bytes, and running statistics and their like.
  expect(child.bytes).toBeLessThan(1.25 * 4 * child.parameters);
  expect(child.bytes).toBeLessThan(supernet.bytes / 5);
});
