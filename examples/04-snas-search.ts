/** @file A SNAS search on MNIST in 40 lines: one backward pass a step trains weights and architecture; the child inherits. */
import { cpu, key, webgpu } from 'reparam';
import { splitDataset } from 'reparam/data';
import { loadMnist } from 'reparam/data/node';
import { architectureGenotype, PRESETS, printGenotype, Search } from 'reparam/snas';

const device = await webgpu().catch(() => cpu({ dtype: 'float32' }));
const mnist = await loadMnist();
const [train, validation, test] = [...splitDataset(mnist.train, [960, 128], key(0)), splitDataset(mnist.test, [256], key(1))[0]];

// The settings of the smallest preset; `small` and `paper` are the others, and any value can be replaced.
const network = { channels: 4, cells: 3, nodes: 2, stemStride: 2, classes: 10, inChannels: 1 } as const;
const search = new Search(device, { ...PRESETS.smoke, seed: 0, epochs: 4, network }, { train, validation });
console.log(`supernet parameters: ${search.supernet.parameterCount()}`);
console.log(`entropy at the start: ${(await search.entropy()).toFixed(3)}`); // ln 8 for eight operations alike

for await (const epoch of search.run()) {
  const { loss, parentAccuracy, childAccuracy, entropy, temperature } = epoch;
  console.log(
    `epoch ${epoch.epoch + 1}: loss ${loss.toFixed(3)}, parent ${parentAccuracy.toFixed(3)}, child ${childAccuracy.toFixed(3)}, ` +
      `entropy ${entropy.toFixed(3)}, temperature ${temperature.toFixed(2)}`,
  );
}

// The child: the most probable operation of every edge, with the parent's weights and no retraining.
const child = await search.childScores(test);
console.log(printGenotype(architectureGenotype(child.architecture, network.nodes)));
console.log(`test accuracy of the child: ${child.accuracy.toFixed(3)}`);
