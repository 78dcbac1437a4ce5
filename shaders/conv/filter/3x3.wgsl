// Filter gradient of a 3x3 convolution of stride and dilation 1.
//   gw[o, c, i, j] = sum over n, p, q of g[n, o, p, q] x[n, c, p - top + i, q - left + j]
// A lane owns the taps of four output channels and one input channel and walks over tiles of 4x4 of g: 4 * 16 + 36 loads for 576
// products, and no two lanes share a sum unless the tiles are cut into slices. Lane sums [o, c, i, j, slices] are added by
// partial-sums.wgsl. Lanes run over pairs of channels, then slices. Tested by test/core/conv.devices.test.ts.
struct Geometry {
  tiles: i32, blocksY: i32, blocksX: i32, slices: i32,
  // Blocks of four outputs in a group; pairs of a block and an input, over all groups.
  rowBlocks: i32, pairs: i32,
  channels: i32, height: i32, width: i32, inputs: i32,
  outputChannels: i32, outputHeight: i32, outputWidth: i32, outputs: i32,
  top: i32, left: i32,
}

@group(0) @binding(0) var<uniform> k: Geometry;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> g: array<f32>;
@group(0) @binding(3) var<storage, read_write> laneSums: array<f32>;

//#include "shared/rows-of-six.wgsl" with SOURCE = x

fn readG(start: i32, inside: bool, at: vec4i, columns: vec4<bool>) -> vec4f {
  let i = start + at;
  return select(vec4f(), vec4f(g[i.x], g[i.y], g[i.z], g[i.w]), columns & vec4<bool>(inside));
}

fn store(v0: vec4f, v1: vec4f, v2: f32, to: i32) {
  let next = k.slices;
  for (var t = 0; t < 4; t++) {
    laneSums[to + t * next] = v0[t];
    laneSums[to + (t + 4) * next] = v1[t];
  }
  laneSums[to + 8 * next] = v2;
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) workgroups: vec3u, @builtin(local_invocation_index) local: u32) {
  let id = i32((workgroup.y * workgroups.x + workgroup.x) * 64u + local);
  let slices = k.slices;
  let pairs = k.pairs;
  if (id >= pairs * slices) { return; }
  let pair = id % pairs;
  let slice = id / pairs;
  let input = pair % k.inputs;
  let rowBlock = pair / k.inputs % k.rowBlocks;
  let group = pair / (k.inputs * k.rowBlocks);
  let height = k.height;
  let width = k.width;
  let outputHeight = k.outputHeight;
  let outputWidth = k.outputWidth;
  let outputPlane = outputHeight * outputWidth;
  // Channels beyond the last repeat it and are not stored.
  let o0 = min(rowBlock * 4, k.outputs - 1);
  //#for o in 1..4 {
  let o${o} = min(rowBlock * 4 + ${o}, k.outputs - 1);
  //#}
  //#for o in 0..4 {
  //#for t in 0..9 {
  var s${o}_${t} = 0.0;
  //#}
  //#}
  for (var tile = slice; tile < k.tiles; tile += slices) {
    let q = tile % k.blocksX * 4;
    let p = tile / k.blocksX % k.blocksY * 4;
    let n = tile / (k.blocksX * k.blocksY);

    let across = vec4i(q) + vec4i(0, 1, 2, 3);
    let acrossAt = min(across, vec4i(outputWidth - 1));
    let acrossIn = across < vec4i(outputWidth);
    let firstG = (n * k.outputChannels + group * k.outputs) * outputPlane;
    let down0 = firstG + min(p, outputHeight - 1) * outputWidth;
    //#for r in 1..4 {
    let down${r} = firstG + min(p + ${r}, outputHeight - 1) * outputWidth;
    //#}
    //#for o in 0..4 {
    let g${o}_0 = readG(down0 + o${o} * outputPlane, p < outputHeight, acrossAt, acrossIn);
    //#for r in 1..4 {
    let g${o}_${r} = readG(down${r} + o${o} * outputPlane, p + ${r} < outputHeight, acrossAt, acrossIn);
    //#}
    //#}

    //#include "shared/columns-of-six.wgsl" with FIRST = q
    let top = p - k.top;
    let firstX = (n * k.channels + group * k.inputs + input) * height * width;
    let row0 = firstX + clamp(top, 0, height - 1) * width;
    //#for r in 1..6 {
    let row${r} = firstX + clamp(top + ${r}, 0, height - 1) * width;
    //#}
    let in0 = top >= 0 && top < height;
    //#for r in 1..6 {
    let in${r} = top + ${r} >= 0 && top + ${r} < height;
    //#}
    //#for r in 0..6 {
    let x${r} = readRow(row${r}, in${r}, at);
    //#}
    //#for o in 0..4 {
    //#for i in 0..3 {
    //#for tap, j in l m r {
    s${o}_${3 * i + j} += dot(g${o}_0, x${i}.${tap}) + dot(g${o}_1, x${i + 1}.${tap})
      + dot(g${o}_2, x${i + 2}.${tap}) + dot(g${o}_3, x${i + 3}.${tap});
    //#}
    //#}
    //#}
  }

  let outputs = group * k.outputs + rowBlock * 4;
  let to = (outputs * k.inputs + input) * 9 * slices + slice;
  let nextO = k.inputs * 9 * slices;
  store(vec4f(s0_0, s0_1, s0_2, s0_3), vec4f(s0_4, s0_5, s0_6, s0_7), s0_8, to);
  if (rowBlock * 4 + 1 < k.outputs) {
    store(vec4f(s1_0, s1_1, s1_2, s1_3), vec4f(s1_4, s1_5, s1_6, s1_7), s1_8, to + nextO);
  }
  //#for o in 2..4 {
  if (rowBlock * 4 + ${o} < k.outputs) {
    store(vec4f(s${o}_0, s${o}_1, s${o}_2, s${o}_3), vec4f(s${o}_4, s${o}_5, s${o}_6, s${o}_7), s${o}_8, to + ${o} * nextO);
  }
  //#}
}
