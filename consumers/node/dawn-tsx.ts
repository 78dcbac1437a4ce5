/** @file The same in TypeScript, as tsx runs it. */
import { type Device, grad, mul, sum, webgpu } from 'reparam';

const device: Device = await webgpu();
const x = device.tensor([1, 2, 3]);
console.log(...(await grad(sum(mul(x, x)), [x])[0].data()));
device.destroy();
