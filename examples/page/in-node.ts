/** @file The same steps in Node, to compare: `npx tsx examples/page/in-node.ts`. */
import { cpu, webgpu } from 'reparam';
import { searchSteps } from './search-steps.ts';

const device = await webgpu().catch(() => cpu({ dtype: 'float32' }));
const { losses, genotype } = await searchSteps(device);
console.log(device.name);
for (const loss of losses) console.log(loss.toFixed(6));
console.log(genotype);
