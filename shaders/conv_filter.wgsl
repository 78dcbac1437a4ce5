// Filter gradient of a convolution for every geometry.
//   gw[o, c, i, j] = sum over n, p, q of g[n, o, p, q] x[n, c, p sy - top + i dy, q sx - left + j dx]
// (c, i, j) together are the columns of a matrix with a row for each o. A workgroup has OUTPUTS rows and eight columns of it; a
// lane walks over tiles of four output pixels in a column of the image and keeps the products of its tiles: 4 (OUTPUTS + 8) loads
// for 32 OUTPUTS products. Partials [o, c, i, j, lanes] are added by partial_sums.wgsl.
// Workgroups: x lanes, y group and block of rows, z block of columns. Tested by test/core/conv.devices.test.ts.
struct Geometry {
  tiles: i32, blocks: i32, lanes: i32, rowBlocks: i32,
  channels: i32, height: i32, width: i32, inputs: i32,
  outputChannels: i32, outputHeight: i32, outputWidth: i32, outputs: i32,
  kh: i32, kw: i32, strideY: i32, strideX: i32,
  top: i32, left: i32, dilationY: i32, dilationX: i32,
}

@group(0) @binding(0) var<uniform> k: Geometry;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> g: array<f32>;
@group(0) @binding(3) var<storage, read_write> partials: array<f32>;

// 1, 4, 8 or 16.
override OUTPUTS: u32 = 8;

// Four values of g, one below the other; zeros outside.
fn readG(start: vec4i, valid: vec4<bool>, output: i32) -> vec4f {
  let at = start + min(output, k.outputs - 1) * k.outputHeight * k.outputWidth;
  return select(vec4f(), vec4f(g[at.x], g[at.y], g[at.z], g[at.w]), valid);
}

// Where a column of the matrix reads: its channel's plane and the row and column of its tap at output (0, 0).
fn column(index: i32) -> vec3i {
  let at = min(index, k.inputs * k.kh * k.kw - 1);
  let tap = at % (k.kh * k.kw);
  return vec3i(at / (k.kh * k.kw), tap / k.kw * k.dilationY - k.top, tap % k.kw * k.dilationX - k.left);
}

// The four pixels of x that the four values of g meet; zeros outside.
fn readX(base: i32, p: vec4i, q: i32, at: vec3i) -> vec4f {
  let row = p * k.strideY + at.y;
  let across = q * k.strideX + at.z;
  let start = base + at.x * k.height * k.width + clamp(across, 0, k.width - 1);
  let i = start + clamp(row, vec4i(0), vec4i(k.height - 1)) * k.width;
  let inside = (row >= vec4i(0)) & (row < vec4i(k.height)) & vec4<bool>(across >= 0 && across < k.width);
  return select(vec4f(), vec4f(x[i.x], x[i.y], x[i.z], x[i.w]), inside);
}

fn store(value: f32, output: i32, index: i32, group: i32, lane: i32) {
  let columns = k.inputs * k.kh * k.kw;
  if (output < k.outputs && index < columns) {
    partials[((group * k.outputs + output) * columns + index) * k.lanes + lane] = value;
  }
}

fn store4(value: vec4f, output: i32, index: i32, group: i32, lane: i32) {
  store(value.x, output, index, group, lane);
  store(value.y, output + 1, index, group, lane);
  store(value.z, output + 2, index, group, lane);
  store(value.w, output + 3, index, group, lane);
}

fn dots(x: vec4f, g0: vec4f, g1: vec4f, g2: vec4f, g3: vec4f) -> vec4f {
  return vec4f(dot(x, g0), dot(x, g1), dot(x, g2), dot(x, g3));
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) local: u32) {
  let lane = i32(workgroup.x * 64u + local);
  let group = i32(workgroup.y) / k.rowBlocks;
  let output = i32(workgroup.y) % k.rowBlocks * i32(OUTPUTS);
  let first = i32(workgroup.z) * 8;
  let at0 = column(first + 0);
  let at1 = column(first + 1);
  let at2 = column(first + 2);
  let at3 = column(first + 3);
  let at4 = column(first + 4);
  let at5 = column(first + 5);
  let at6 = column(first + 6);
  let at7 = column(first + 7);
  var s0_0: vec4f; var s1_0: vec4f; var s2_0: vec4f; var s3_0: vec4f; var s4_0: vec4f; var s5_0: vec4f; var s6_0: vec4f; var s7_0: vec4f;
  var s0_1: vec4f; var s1_1: vec4f; var s2_1: vec4f; var s3_1: vec4f; var s4_1: vec4f; var s5_1: vec4f; var s6_1: vec4f; var s7_1: vec4f;
  var s0_2: vec4f; var s1_2: vec4f; var s2_2: vec4f; var s3_2: vec4f; var s4_2: vec4f; var s5_2: vec4f; var s6_2: vec4f; var s7_2: vec4f;
  var s0_3: vec4f; var s1_3: vec4f; var s2_3: vec4f; var s3_3: vec4f; var s4_3: vec4f; var s5_3: vec4f; var s6_3: vec4f; var s7_3: vec4f;
  for (var id = lane; id < k.tiles; id += k.lanes) {
    let q = id % k.outputWidth;
    let p = (id / k.outputWidth) % k.blocks * 4 + vec4i(0, 1, 2, 3);
    let n = id / (k.outputWidth * k.blocks);
    let base = (n * k.channels + group * k.inputs) * k.height * k.width;
    let valid = p < vec4i(k.outputHeight);
    let start = ((n * k.outputChannels + group * k.outputs) * k.outputHeight + min(p, vec4i(k.outputHeight - 1))) * k.outputWidth + q;
    let g0 = readG(start, valid, output);
    var g1: vec4f; var g2: vec4f; var g3: vec4f; var g4: vec4f; var g5: vec4f; var g6: vec4f; var g7: vec4f;
    var g8: vec4f; var g9: vec4f; var g10: vec4f; var g11: vec4f; var g12: vec4f; var g13: vec4f; var g14: vec4f; var g15: vec4f;
    if (OUTPUTS > 1u) {
      g1 = readG(start, valid, output + 1);
      g2 = readG(start, valid, output + 2);
      g3 = readG(start, valid, output + 3);
    }
    if (OUTPUTS > 4u) {
      g4 = readG(start, valid, output + 4);
      g5 = readG(start, valid, output + 5);
      g6 = readG(start, valid, output + 6);
      g7 = readG(start, valid, output + 7);
    }
    if (OUTPUTS > 8u) {
      g8 = readG(start, valid, output + 8);
      g9 = readG(start, valid, output + 9);
      g10 = readG(start, valid, output + 10);
      g11 = readG(start, valid, output + 11);
      g12 = readG(start, valid, output + 12);
      g13 = readG(start, valid, output + 13);
      g14 = readG(start, valid, output + 14);
      g15 = readG(start, valid, output + 15);
    }
    let x0 = readX(base, p, q, at0);
    if (OUTPUTS == 1u) { s0_0.x += dot(x0, g0); } else { s0_0 += dots(x0, g0, g1, g2, g3); }
    if (OUTPUTS > 4u) { s0_1 += dots(x0, g4, g5, g6, g7); }
    if (OUTPUTS > 8u) {
      s0_2 += dots(x0, g8, g9, g10, g11);
      s0_3 += dots(x0, g12, g13, g14, g15);
    }
    let x1 = readX(base, p, q, at1);
    if (OUTPUTS == 1u) { s1_0.x += dot(x1, g0); } else { s1_0 += dots(x1, g0, g1, g2, g3); }
    if (OUTPUTS > 4u) { s1_1 += dots(x1, g4, g5, g6, g7); }
    if (OUTPUTS > 8u) {
      s1_2 += dots(x1, g8, g9, g10, g11);
      s1_3 += dots(x1, g12, g13, g14, g15);
    }
    let x2 = readX(base, p, q, at2);
    if (OUTPUTS == 1u) { s2_0.x += dot(x2, g0); } else { s2_0 += dots(x2, g0, g1, g2, g3); }
    if (OUTPUTS > 4u) { s2_1 += dots(x2, g4, g5, g6, g7); }
    if (OUTPUTS > 8u) {
      s2_2 += dots(x2, g8, g9, g10, g11);
      s2_3 += dots(x2, g12, g13, g14, g15);
    }
    let x3 = readX(base, p, q, at3);
    if (OUTPUTS == 1u) { s3_0.x += dot(x3, g0); } else { s3_0 += dots(x3, g0, g1, g2, g3); }
    if (OUTPUTS > 4u) { s3_1 += dots(x3, g4, g5, g6, g7); }
    if (OUTPUTS > 8u) {
      s3_2 += dots(x3, g8, g9, g10, g11);
      s3_3 += dots(x3, g12, g13, g14, g15);
    }
    let x4 = readX(base, p, q, at4);
    if (OUTPUTS == 1u) { s4_0.x += dot(x4, g0); } else { s4_0 += dots(x4, g0, g1, g2, g3); }
    if (OUTPUTS > 4u) { s4_1 += dots(x4, g4, g5, g6, g7); }
    if (OUTPUTS > 8u) {
      s4_2 += dots(x4, g8, g9, g10, g11);
      s4_3 += dots(x4, g12, g13, g14, g15);
    }
    let x5 = readX(base, p, q, at5);
    if (OUTPUTS == 1u) { s5_0.x += dot(x5, g0); } else { s5_0 += dots(x5, g0, g1, g2, g3); }
    if (OUTPUTS > 4u) { s5_1 += dots(x5, g4, g5, g6, g7); }
    if (OUTPUTS > 8u) {
      s5_2 += dots(x5, g8, g9, g10, g11);
      s5_3 += dots(x5, g12, g13, g14, g15);
    }
    let x6 = readX(base, p, q, at6);
    if (OUTPUTS == 1u) { s6_0.x += dot(x6, g0); } else { s6_0 += dots(x6, g0, g1, g2, g3); }
    if (OUTPUTS > 4u) { s6_1 += dots(x6, g4, g5, g6, g7); }
    if (OUTPUTS > 8u) {
      s6_2 += dots(x6, g8, g9, g10, g11);
      s6_3 += dots(x6, g12, g13, g14, g15);
    }
    let x7 = readX(base, p, q, at7);
    if (OUTPUTS == 1u) { s7_0.x += dot(x7, g0); } else { s7_0 += dots(x7, g0, g1, g2, g3); }
    if (OUTPUTS > 4u) { s7_1 += dots(x7, g4, g5, g6, g7); }
    if (OUTPUTS > 8u) {
      s7_2 += dots(x7, g8, g9, g10, g11);
      s7_3 += dots(x7, g12, g13, g14, g15);
    }
  }
  if (OUTPUTS == 1u) { store(s0_0.x, output, first + 0, group, lane); } else { store4(s0_0, output, first + 0, group, lane); }
  if (OUTPUTS == 1u) { store(s1_0.x, output, first + 1, group, lane); } else { store4(s1_0, output, first + 1, group, lane); }
  if (OUTPUTS == 1u) { store(s2_0.x, output, first + 2, group, lane); } else { store4(s2_0, output, first + 2, group, lane); }
  if (OUTPUTS == 1u) { store(s3_0.x, output, first + 3, group, lane); } else { store4(s3_0, output, first + 3, group, lane); }
  if (OUTPUTS == 1u) { store(s4_0.x, output, first + 4, group, lane); } else { store4(s4_0, output, first + 4, group, lane); }
  if (OUTPUTS == 1u) { store(s5_0.x, output, first + 5, group, lane); } else { store4(s5_0, output, first + 5, group, lane); }
  if (OUTPUTS == 1u) { store(s6_0.x, output, first + 6, group, lane); } else { store4(s6_0, output, first + 6, group, lane); }
  if (OUTPUTS == 1u) { store(s7_0.x, output, first + 7, group, lane); } else { store4(s7_0, output, first + 7, group, lane); }
  if (OUTPUTS > 4u) {
    store4(s0_1, output + 4, first + 0, group, lane);
    store4(s1_1, output + 4, first + 1, group, lane);
    store4(s2_1, output + 4, first + 2, group, lane);
    store4(s3_1, output + 4, first + 3, group, lane);
    store4(s4_1, output + 4, first + 4, group, lane);
    store4(s5_1, output + 4, first + 5, group, lane);
    store4(s6_1, output + 4, first + 6, group, lane);
    store4(s7_1, output + 4, first + 7, group, lane);
  }
  if (OUTPUTS > 8u) {
    store4(s0_2, output + 8, first + 0, group, lane);
    store4(s0_3, output + 12, first + 0, group, lane);
    store4(s1_2, output + 8, first + 1, group, lane);
    store4(s1_3, output + 12, first + 1, group, lane);
    store4(s2_2, output + 8, first + 2, group, lane);
    store4(s2_3, output + 12, first + 2, group, lane);
    store4(s3_2, output + 8, first + 3, group, lane);
    store4(s3_3, output + 12, first + 3, group, lane);
    store4(s4_2, output + 8, first + 4, group, lane);
    store4(s4_3, output + 12, first + 4, group, lane);
    store4(s5_2, output + 8, first + 5, group, lane);
    store4(s5_3, output + 12, first + 5, group, lane);
    store4(s6_2, output + 8, first + 6, group, lane);
    store4(s6_3, output + 12, first + 6, group, lane);
    store4(s7_2, output + 8, first + 7, group, lane);
    store4(s7_3, output + 12, first + 7, group, lane);
  }
}
