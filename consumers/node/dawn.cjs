/** @file The same through require of an ES module. */
const { grad, mul, sum, webgpu } = require('reparam');

async function main() {
  const device = await webgpu();
  const x = device.tensor([1, 2, 3]);
  console.log(...(await grad(sum(mul(x, x)), [x])[0].data()));
  device.destroy();
}

void main();
