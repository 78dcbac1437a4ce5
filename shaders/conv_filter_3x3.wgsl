// Filter gradient of a 3x3 convolution of stride and dilation 1.
//   gw[o, c, i, j] = sum over n, p, q of g[n, o, p, q] x[n, c, p - top + i, q - left + j]
// A lane owns the taps of four output channels and one input channel and walks over tiles of 4x4 of g: 4 * 16 + 36 loads for 576
// products, and no two lanes share a sum unless the tiles are cut into slices. Partials [o, c, i, j, slices] are added by
// partial_sums.wgsl. Lanes run over pairs of channels, then slices. Tested by test/core/conv.devices.test.ts.
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
@group(0) @binding(3) var<storage, read_write> partials: array<f32>;

// The six columns of x that a tile meets, clamped, and which of them are inside.
struct Columns { a: vec4i, b: vec2i, inA: vec4<bool>, inB: vec2<bool> }

// Pixels under the left, middle and right tap of four neighbours.
struct Row { l: vec4f, m: vec4f, r: vec4f }

fn readRow(start: i32, inside: bool, at: Columns) -> Row {
  let i = start + at.a;
  let j = start + at.b;
  let a = select(vec4f(), vec4f(x[i.x], x[i.y], x[i.z], x[i.w]), at.inA & vec4<bool>(inside));
  let b = select(vec2f(), vec2f(x[j.x], x[j.y]), at.inB & vec2<bool>(inside));
  return Row(a, vec4f(a.yzw, b.x), vec4f(a.zw, b));
}

fn readG(start: i32, inside: bool, at: vec4i, columns: vec4<bool>) -> vec4f {
  let i = start + at;
  return select(vec4f(), vec4f(g[i.x], g[i.y], g[i.z], g[i.w]), columns & vec4<bool>(inside));
}

fn store(v0: vec4f, v1: vec4f, v2: f32, to: i32) {
  let next = k.slices;
  for (var t = 0; t < 4; t++) {
    partials[to + t * next] = v0[t];
    partials[to + (t + 4) * next] = v1[t];
  }
  partials[to + 8 * next] = v2;
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
  let o1 = min(rowBlock * 4 + 1, k.outputs - 1);
  let o2 = min(rowBlock * 4 + 2, k.outputs - 1);
  let o3 = min(rowBlock * 4 + 3, k.outputs - 1);
  var s0_0 = 0.0; var s0_1 = 0.0; var s0_2 = 0.0; var s0_3 = 0.0; var s0_4 = 0.0; var s0_5 = 0.0; var s0_6 = 0.0; var s0_7 = 0.0; var s0_8 = 0.0;
  var s1_0 = 0.0; var s1_1 = 0.0; var s1_2 = 0.0; var s1_3 = 0.0; var s1_4 = 0.0; var s1_5 = 0.0; var s1_6 = 0.0; var s1_7 = 0.0; var s1_8 = 0.0;
  var s2_0 = 0.0; var s2_1 = 0.0; var s2_2 = 0.0; var s2_3 = 0.0; var s2_4 = 0.0; var s2_5 = 0.0; var s2_6 = 0.0; var s2_7 = 0.0; var s2_8 = 0.0;
  var s3_0 = 0.0; var s3_1 = 0.0; var s3_2 = 0.0; var s3_3 = 0.0; var s3_4 = 0.0; var s3_5 = 0.0; var s3_6 = 0.0; var s3_7 = 0.0; var s3_8 = 0.0;
  for (var tile = slice; tile < k.tiles; tile += slices) {
    let q = tile % k.blocksX * 4;
    let p = tile / k.blocksX % k.blocksY * 4;
    let n = tile / (k.blocksX * k.blocksY);

    let across = vec4i(q) + vec4i(0, 1, 2, 3);
    let acrossAt = min(across, vec4i(outputWidth - 1));
    let acrossIn = across < vec4i(outputWidth);
    let firstG = (n * k.outputChannels + group * k.outputs) * outputPlane;
    let down0 = firstG + min(p, outputHeight - 1) * outputWidth;
    let down1 = firstG + min(p + 1, outputHeight - 1) * outputWidth;
    let down2 = firstG + min(p + 2, outputHeight - 1) * outputWidth;
    let down3 = firstG + min(p + 3, outputHeight - 1) * outputWidth;
    let g0_0 = readG(down0 + o0 * outputPlane, p < outputHeight, acrossAt, acrossIn);
    let g0_1 = readG(down1 + o0 * outputPlane, p + 1 < outputHeight, acrossAt, acrossIn);
    let g0_2 = readG(down2 + o0 * outputPlane, p + 2 < outputHeight, acrossAt, acrossIn);
    let g0_3 = readG(down3 + o0 * outputPlane, p + 3 < outputHeight, acrossAt, acrossIn);
    let g1_0 = readG(down0 + o1 * outputPlane, p < outputHeight, acrossAt, acrossIn);
    let g1_1 = readG(down1 + o1 * outputPlane, p + 1 < outputHeight, acrossAt, acrossIn);
    let g1_2 = readG(down2 + o1 * outputPlane, p + 2 < outputHeight, acrossAt, acrossIn);
    let g1_3 = readG(down3 + o1 * outputPlane, p + 3 < outputHeight, acrossAt, acrossIn);
    let g2_0 = readG(down0 + o2 * outputPlane, p < outputHeight, acrossAt, acrossIn);
    let g2_1 = readG(down1 + o2 * outputPlane, p + 1 < outputHeight, acrossAt, acrossIn);
    let g2_2 = readG(down2 + o2 * outputPlane, p + 2 < outputHeight, acrossAt, acrossIn);
    let g2_3 = readG(down3 + o2 * outputPlane, p + 3 < outputHeight, acrossAt, acrossIn);
    let g3_0 = readG(down0 + o3 * outputPlane, p < outputHeight, acrossAt, acrossIn);
    let g3_1 = readG(down1 + o3 * outputPlane, p + 1 < outputHeight, acrossAt, acrossIn);
    let g3_2 = readG(down2 + o3 * outputPlane, p + 2 < outputHeight, acrossAt, acrossIn);
    let g3_3 = readG(down3 + o3 * outputPlane, p + 3 < outputHeight, acrossAt, acrossIn);

    let a = vec4i(q - k.left) + vec4i(0, 1, 2, 3);
    let b = a.zw + 2;
    let last = width - 1;
    let at = Columns(
      clamp(a, vec4i(0), vec4i(last)), clamp(b, vec2i(0), vec2i(last)),
      (a >= vec4i(0)) & (a <= vec4i(last)), (b >= vec2i(0)) & (b <= vec2i(last)),
    );
    let top = p - k.top;
    let firstX = (n * k.channels + group * k.inputs + input) * height * width;
    let row0 = firstX + clamp(top, 0, height - 1) * width;
    let row1 = firstX + clamp(top + 1, 0, height - 1) * width;
    let row2 = firstX + clamp(top + 2, 0, height - 1) * width;
    let row3 = firstX + clamp(top + 3, 0, height - 1) * width;
    let row4 = firstX + clamp(top + 4, 0, height - 1) * width;
    let row5 = firstX + clamp(top + 5, 0, height - 1) * width;
    let in0 = top >= 0 && top < height;
    let in1 = top + 1 >= 0 && top + 1 < height;
    let in2 = top + 2 >= 0 && top + 2 < height;
    let in3 = top + 3 >= 0 && top + 3 < height;
    let in4 = top + 4 >= 0 && top + 4 < height;
    let in5 = top + 5 >= 0 && top + 5 < height;

    let x0 = readRow(row0, in0, at);
    let x1 = readRow(row1, in1, at);
    let x2 = readRow(row2, in2, at);
    let x3 = readRow(row3, in3, at);
    let x4 = readRow(row4, in4, at);
    let x5 = readRow(row5, in5, at);
    s0_0 += dot(g0_0, x0.l) + dot(g0_1, x1.l) + dot(g0_2, x2.l) + dot(g0_3, x3.l);
    s0_1 += dot(g0_0, x0.m) + dot(g0_1, x1.m) + dot(g0_2, x2.m) + dot(g0_3, x3.m);
    s0_2 += dot(g0_0, x0.r) + dot(g0_1, x1.r) + dot(g0_2, x2.r) + dot(g0_3, x3.r);
    s0_3 += dot(g0_0, x1.l) + dot(g0_1, x2.l) + dot(g0_2, x3.l) + dot(g0_3, x4.l);
    s0_4 += dot(g0_0, x1.m) + dot(g0_1, x2.m) + dot(g0_2, x3.m) + dot(g0_3, x4.m);
    s0_5 += dot(g0_0, x1.r) + dot(g0_1, x2.r) + dot(g0_2, x3.r) + dot(g0_3, x4.r);
    s0_6 += dot(g0_0, x2.l) + dot(g0_1, x3.l) + dot(g0_2, x4.l) + dot(g0_3, x5.l);
    s0_7 += dot(g0_0, x2.m) + dot(g0_1, x3.m) + dot(g0_2, x4.m) + dot(g0_3, x5.m);
    s0_8 += dot(g0_0, x2.r) + dot(g0_1, x3.r) + dot(g0_2, x4.r) + dot(g0_3, x5.r);
    s1_0 += dot(g1_0, x0.l) + dot(g1_1, x1.l) + dot(g1_2, x2.l) + dot(g1_3, x3.l);
    s1_1 += dot(g1_0, x0.m) + dot(g1_1, x1.m) + dot(g1_2, x2.m) + dot(g1_3, x3.m);
    s1_2 += dot(g1_0, x0.r) + dot(g1_1, x1.r) + dot(g1_2, x2.r) + dot(g1_3, x3.r);
    s1_3 += dot(g1_0, x1.l) + dot(g1_1, x2.l) + dot(g1_2, x3.l) + dot(g1_3, x4.l);
    s1_4 += dot(g1_0, x1.m) + dot(g1_1, x2.m) + dot(g1_2, x3.m) + dot(g1_3, x4.m);
    s1_5 += dot(g1_0, x1.r) + dot(g1_1, x2.r) + dot(g1_2, x3.r) + dot(g1_3, x4.r);
    s1_6 += dot(g1_0, x2.l) + dot(g1_1, x3.l) + dot(g1_2, x4.l) + dot(g1_3, x5.l);
    s1_7 += dot(g1_0, x2.m) + dot(g1_1, x3.m) + dot(g1_2, x4.m) + dot(g1_3, x5.m);
    s1_8 += dot(g1_0, x2.r) + dot(g1_1, x3.r) + dot(g1_2, x4.r) + dot(g1_3, x5.r);
    s2_0 += dot(g2_0, x0.l) + dot(g2_1, x1.l) + dot(g2_2, x2.l) + dot(g2_3, x3.l);
    s2_1 += dot(g2_0, x0.m) + dot(g2_1, x1.m) + dot(g2_2, x2.m) + dot(g2_3, x3.m);
    s2_2 += dot(g2_0, x0.r) + dot(g2_1, x1.r) + dot(g2_2, x2.r) + dot(g2_3, x3.r);
    s2_3 += dot(g2_0, x1.l) + dot(g2_1, x2.l) + dot(g2_2, x3.l) + dot(g2_3, x4.l);
    s2_4 += dot(g2_0, x1.m) + dot(g2_1, x2.m) + dot(g2_2, x3.m) + dot(g2_3, x4.m);
    s2_5 += dot(g2_0, x1.r) + dot(g2_1, x2.r) + dot(g2_2, x3.r) + dot(g2_3, x4.r);
    s2_6 += dot(g2_0, x2.l) + dot(g2_1, x3.l) + dot(g2_2, x4.l) + dot(g2_3, x5.l);
    s2_7 += dot(g2_0, x2.m) + dot(g2_1, x3.m) + dot(g2_2, x4.m) + dot(g2_3, x5.m);
    s2_8 += dot(g2_0, x2.r) + dot(g2_1, x3.r) + dot(g2_2, x4.r) + dot(g2_3, x5.r);
    s3_0 += dot(g3_0, x0.l) + dot(g3_1, x1.l) + dot(g3_2, x2.l) + dot(g3_3, x3.l);
    s3_1 += dot(g3_0, x0.m) + dot(g3_1, x1.m) + dot(g3_2, x2.m) + dot(g3_3, x3.m);
    s3_2 += dot(g3_0, x0.r) + dot(g3_1, x1.r) + dot(g3_2, x2.r) + dot(g3_3, x3.r);
    s3_3 += dot(g3_0, x1.l) + dot(g3_1, x2.l) + dot(g3_2, x3.l) + dot(g3_3, x4.l);
    s3_4 += dot(g3_0, x1.m) + dot(g3_1, x2.m) + dot(g3_2, x3.m) + dot(g3_3, x4.m);
    s3_5 += dot(g3_0, x1.r) + dot(g3_1, x2.r) + dot(g3_2, x3.r) + dot(g3_3, x4.r);
    s3_6 += dot(g3_0, x2.l) + dot(g3_1, x3.l) + dot(g3_2, x4.l) + dot(g3_3, x5.l);
    s3_7 += dot(g3_0, x2.m) + dot(g3_1, x3.m) + dot(g3_2, x4.m) + dot(g3_3, x5.m);
    s3_8 += dot(g3_0, x2.r) + dot(g3_1, x3.r) + dot(g3_2, x4.r) + dot(g3_3, x5.r);
  }

  let outputs = group * k.outputs + rowBlock * 4;
  let to = (outputs * k.inputs + input) * 9 * slices + slice;
  let nextO = k.inputs * 9 * slices;
  store(vec4f(s0_0, s0_1, s0_2, s0_3), vec4f(s0_4, s0_5, s0_6, s0_7), s0_8, to);
  if (rowBlock * 4 + 1 < k.outputs) {
    store(vec4f(s1_0, s1_1, s1_2, s1_3), vec4f(s1_4, s1_5, s1_6, s1_7), s1_8, to + nextO);
  }
  if (rowBlock * 4 + 2 < k.outputs) {
    store(vec4f(s2_0, s2_1, s2_2, s2_3), vec4f(s2_4, s2_5, s2_6, s2_7), s2_8, to + 2 * nextO);
  }
  if (rowBlock * 4 + 3 < k.outputs) {
    store(vec4f(s3_0, s3_1, s3_2, s3_3), vec4f(s3_4, s3_5, s3_6, s3_7), s3_8, to + 3 * nextO);
  }
}
