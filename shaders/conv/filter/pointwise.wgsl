// Filter gradient of a pointwise convolution of stride 1, on images seen as rows of vec4s.
//   gw[o, c] = sum over n, i of dot(g[n, o, i], x[n, c, i])
// A lane has OUTPUTS outputs and four inputs, and walks over vec4s of pixels: OUTPUTS + 4 loads for 16 OUTPUTS products. Few sums, so
// that they stay in registers. Lane sums [o, c, lanes] are added by partial-sums.wgsl.
// Workgroups: x lanes, y group and block of outputs, z block of inputs. Planes are multiples of four pixels.
// Tested by test/core/conv.devices.test.ts.
struct Geometry {
  tiles: i32, quads: i32, lanes: i32, outputBlocks: i32,
  channels: i32, inputs: i32, outputChannels: i32, outputs: i32,
}

@group(0) @binding(0) var<uniform> k: Geometry;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read> g: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> laneSums: array<f32>;

// 4 or 8.
override OUTPUTS: u32 = 8;

fn dots(g: vec4f, x0: vec4f, x1: vec4f, x2: vec4f, x3: vec4f) -> vec4f {
  return vec4f(dot(x0, g), dot(x1, g), dot(x2, g), dot(x3, g));
}

fn store(value: vec4f, output: i32, input: i32, group: i32, lane: i32) {
  if (output >= k.outputs) { return; }
  let to = ((group * k.outputs + output) * k.inputs + input) * k.lanes + lane;
  laneSums[to] = value.x;
  if (input + 1 < k.inputs) { laneSums[to + k.lanes] = value.y; }
  if (input + 2 < k.inputs) { laneSums[to + 2 * k.lanes] = value.z; }
  if (input + 3 < k.inputs) { laneSums[to + 3 * k.lanes] = value.w; }
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) local: u32) {
  let lane = i32(workgroup.x * 64u + local);
  let group = i32(workgroup.y) / k.outputBlocks;
  let output = i32(workgroup.y) % k.outputBlocks * i32(OUTPUTS);
  let input = i32(workgroup.z) * 4;
  // Rows past the last repeat it and are not stored.
  let inputs = (group * k.inputs + min(input + vec4i(0, 1, 2, 3), vec4i(k.inputs - 1))) * k.quads;
  let near = (group * k.outputs + min(output + vec4i(0, 1, 2, 3), vec4i(k.outputs - 1))) * k.quads;
  let far = (group * k.outputs + min(output + vec4i(4, 5, 6, 7), vec4i(k.outputs - 1))) * k.quads;
  //#for o in 0..8 {
  var s${o}: vec4f;
  //#}
  // Counted on instead of divided: software adapters divide lane by lane.
  var n = lane / k.quads;
  var i = lane % k.quads;
  for (var id = lane; id < k.tiles; id += k.lanes) {
    let fromX = n * k.channels * k.quads + i + inputs;
    //#for c, i in x y z w {
    let x${i} = x[fromX.${c}];
    //#}
    let base = n * k.outputChannels * k.quads + i;
    let fromG = base + near;
    //#for c, o in x y z w {
    s${o} += dots(g[fromG.${c}], x0, x1, x2, x3);
    //#}
    if (OUTPUTS > 4u) {
      let next = base + far;
      //#for c, o in x y z w {
      s${o + 4} += dots(g[next.${c}], x0, x1, x2, x3);
      //#}
    }
    i += k.lanes % k.quads;
    n += k.lanes / k.quads;
    if (i >= k.quads) {
      i -= k.quads;
      n++;
    }
  }
  store(s0, output, input, group, lane);
  //#for o in 1..4 {
  store(s${o}, output + ${o}, input, group, lane);
  //#}
  if (OUTPUTS > 4u) {
    //#for o in 4..8 {
    store(s${o}, output + ${o}, input, group, lane);
    //#}
  }
}
