/** @file A process that loads a child, or makes the supernet that it comes from, and says how many bytes its device has in use. */
import { cpu, key } from '../../src/index.ts';
import type { StateDict } from '../../src/nn/index.ts';
import { type Architecture, loadChild, makeChild, networkContext, SearchSpace, SPACES } from '../../src/snas/index.ts';

const device = cpu({ dtype: 'float32' });
const definition = SPACES['chain']!.make({ channels: 8, layers: 6 });
const context = networkContext(device, key(0), { shape: [3, 32, 32], classes: 10 });
const architecture: Architecture = Object.fromEntries(Array.from({ length: 6 }, (_, i) => [`layer${i + 1}`, 'k3_e3']));

/** Weights as a file would give them. */
async function savedState(): Promise<StateDict> {
  const other = cpu({ dtype: 'float32' });
  const child = makeChild(definition, { ...context, device: other }, architecture);
  return child.stateDict();
}

const made =
  process.argv[2] === 'child'
    ? loadChild(definition, context, architecture, await savedState())
    : new SearchSpace(definition, context).network;
await device.finish();
process.stdout.write(JSON.stringify({ bytes: device.memory().bytes, parameters: made.parameterCount() }));
