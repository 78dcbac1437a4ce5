/** @file Opens WebGPU in Node and prints a gradient that it computed: 2 4 6. */
import { grad, mul, sum, webgpu } from 'reparam';

const device = await webgpu();
const x = device.tensor([1, 2, 3]);
console.log(...(await grad(sum(mul(x, x)), [x])[0].data()));
device.destroy();
