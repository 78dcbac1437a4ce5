// Convolution 3x3 of stride and dilation 1, and its input gradient, without subgroups.
//   written[n, a, y, x] = sum over b, i, j of source[n, b, y - top + i, x - left + j] w(a, b, i, j), zeros outside the source
// A lane takes a tile of 4x4 of four channels: for each summed channel it loads 6x6 pixels once for all nine taps, and
// weights as vec4s over channels, packed by conv/pack-weights.wgsl (for the gradient with taps reversed). A sum is touched once a
// channel and not once a tap. Lanes run over n and tiles. Workgroups: x lanes, y group and block of channels.
// Tested by test/core/conv.devices.test.ts.
struct Geometry {
  lanes: i32, blocksY: i32, blocksX: i32, channelBlocks: i32,
  sourceChannels: i32, sourceHeight: i32, sourceWidth: i32, inputs: i32,
  channels: i32, height: i32, width: i32, outputs: i32,
  top: i32, left: i32,
  // Distance in vec4s between groups in the packed weights.
  weightGroup: i32,
}

@group(0) @binding(0) var<uniform> k: Geometry;
@group(0) @binding(1) var<storage, read> source: array<f32>;
@group(0) @binding(2) var<storage, read> packed: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> written: array<f32>;

// Summed channels that are added in a row; such sums are added to others. 0: all, for they are few.
override BLOCK: i32 = 0;

//#include "shared/rows-of-six.wgsl" with SOURCE = source

fn across(row: Row, l: f32, m: f32, r: f32) -> vec4f {
  return row.l * l + row.m * m + row.r * r;
}

fn storeRow(value: vec4f, to: i32, x: i32) {
  written[to] = value.x;
  if (x + 1 < k.width) { written[to + 1] = value.y; }
  if (x + 2 < k.width) { written[to + 2] = value.z; }
  if (x + 3 < k.width) { written[to + 3] = value.w; }
}

fn store(v0: vec4f, v1: vec4f, v2: vec4f, v3: vec4f, output: i32, plane: i32, y: i32, x: i32) {
  if (output >= k.outputs) { return; }
  let to = ((plane + output) * k.height + y) * k.width + x;
  storeRow(v0, to, x);
  if (y + 1 < k.height) { storeRow(v1, to + k.width, x); }
  if (y + 2 < k.height) { storeRow(v2, to + 2 * k.width, x); }
  if (y + 3 < k.height) { storeRow(v3, to + 3 * k.width, x); }
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) local: u32) {
  let id = i32(workgroup.x * 64u + local);
  if (id >= k.lanes) { return; }
  let x = id % k.blocksX * 4;
  let y = id / k.blocksX % k.blocksY * 4;
  let n = id / (k.blocksX * k.blocksY);
  let group = i32(workgroup.y) / k.channelBlocks;
  let block = i32(workgroup.y) % k.channelBlocks;
  let first = block * 4;
  let height = k.sourceHeight;
  let width = k.sourceWidth;
  let inputs = k.inputs;

  //#include "shared/columns-of-six.wgsl" with FIRST = x
  let top = y - k.top;
  let in0 = top >= 0 && top < height;
  //#for r in 1..6 {
  let in${r} = top + ${r} >= 0 && top + ${r} < height;
  //#}
  let row0 = clamp(top, 0, height - 1) * width;
  //#for r in 1..6 {
  let row${r} = clamp(top + ${r}, 0, height - 1) * width;
  //#}
  //#for o in 0..4 {
  //#for i in 0..4 {
  var s${o}_${i} = vec4f();
  //#}
  //#}
  //#for o in 0..4 {
  //#for i in 0..4 {
  var t${o}_${i} = vec4f();
  //#}
  //#}
  var base = (n * k.sourceChannels + group * inputs) * height * width;
  var near = k.weightGroup * group + block * inputs * 9;
  for (var c = 0; c < inputs; c++) {
    if (BLOCK > 0 && c % max(BLOCK, 1) == 0) {
      //#for o in 0..4 {
      //#for i in 0..4 {
      t${o}_${i} += s${o}_${i};
      s${o}_${i} = vec4f();
      //#}
      //#}
    }
    //#for r in 0..6 {
    let r${r} = readRow(base + row${r}, in${r}, at);
    //#}
    let w0 = packed[near];
    //#for t in 1..9 {
    let w${t} = packed[near + ${t}];
    //#}
    //#for c, o in x y z w {
    //#for i in 0..4 {
    s${o}_${i} += across(r${i}, w0.${c}, w1.${c}, w2.${c}) + across(r${i + 1}, w3.${c}, w4.${c}, w5.${c})
      + across(r${i + 2}, w6.${c}, w7.${c}, w8.${c});
    //#}
    //#}
    base += height * width;
    near += 9;
  }

  if (BLOCK > 0) {
    //#for o in 0..4 {
    //#for i in 0..4 {
    s${o}_${i} += t${o}_${i};
    //#}
    //#}
  }
  let plane = n * k.channels + group * k.outputs;
  store(s0_0, s0_1, s0_2, s0_3, first, plane, y, x);
  //#for o in 1..4 {
  store(s${o}_0, s${o}_1, s${o}_2, s${o}_3, first + ${o}, plane, y, x);
  //#}
}
