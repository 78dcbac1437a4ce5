// Weights of a convolution as vec4s over four written channels, so that one load brings four of them without subgroups.
//   packed[group, block, b, tap] = (w(4 block, b, tap), ..., w(4 block + 3, b, tap)), zero beyond the last channel
// w(a, b, tap) is the weight from summed channel b to written channel a of the group; taps in reverse order on request, which turns
// the input gradient of stride 1 into a convolution. One invocation a vec4. Tested by test/core/conv.devices.test.ts.
struct Layout {
  size: i32, blocks: i32, outputs: i32, inputs: i32, area: i32,
  // Distances in w between groups, written channels, summed channels.
  weightGroup: i32, weightOut: i32, weightIn: i32,
  reversed: u32,
}

@group(0) @binding(0) var<uniform> k: Layout;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read_write> packed: array<vec4f>;

//#include "shared/signed-invocation.wgsl" with ENTRY = main, ID = id, END = k.size
  let tap = id % k.area;
  let b = id / k.area % k.inputs;
  let block = id / (k.area * k.inputs);
  let first = block % k.blocks * 4;
  let start = block / k.blocks * k.weightGroup + b * k.weightIn + select(tap, k.area - 1 - tap, k.reversed == 1u);
  let channel = vec4i(first) + vec4i(0, 1, 2, 3);
  let at = start + min(channel, vec4i(k.outputs - 1)) * k.weightOut;
  let value = vec4f(weight[at.x], weight[at.y], weight[at.z], weight[at.w]);
  packed[id] = select(vec4f(), value, channel < vec4i(k.outputs));
}
