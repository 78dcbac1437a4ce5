/** @file A kernel's name stands for its code. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Device, OptionError, webgpu, type WgslKernel } from '../../../../src/index.ts';

let device: Device;
beforeAll(async () => {
  device = await webgpu();
});
afterAll(() => device.destroy());

/** Writes a value into every element. */
function filling(name: string, value: string): WgslKernel {
  return {
    kind: 'wgsl',
    name,
    code: `@group(0) @binding(0) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(1) fn main(@builtin(workgroup_id) id: vec3u) { y[id.x] = ${value}; }`,
    workgroups: [2, 1, 1],
  };
}

it('two kernels of one name with other code are refused, and the first goes on', async () => {
  const [one] = device.launch(filling('fill', '1.0'), [], [[2]]);
  expect(() => device.launch(filling('fill', '2.0'), [], [[2]])).toThrow(OptionError);
  expect(() => device.launch(filling('fill', '2.0'), [], [[2]])).toThrow(/^fill: a kernel of this name with other code/);
  const [again] = device.launch(filling('fill', '1.0'), [], [[2]]);
  const [two] = device.launch(filling('fill with two', '2.0'), [], [[2]]);
  expect([...(await one!.data()), ...(await again!.data()), ...(await two!.data())]).toEqual([1, 1, 1, 1, 2, 2]);
});
