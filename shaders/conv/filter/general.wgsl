// Filter gradient of a convolution for every geometry.
//   gw[o, c, i, j] = sum over n, p, q of g[n, o, p, q] x[n, c, p sy - top + i dy, q sx - left + j dx]
// (c, i, j) together are the columns of a matrix with a row for each o. A workgroup has OUTPUTS rows and eight columns of it; a
// lane walks over tiles of four output pixels in a column of the image and keeps the products of its tiles: 4 (OUTPUTS + 8) loads
// for 32 OUTPUTS products. Lane sums [o, c, i, j, lanes] are added by partial-sums.wgsl.
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
@group(0) @binding(3) var<storage, read_write> laneSums: array<f32>;

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
    laneSums[((group * k.outputs + output) * columns + index) * k.lanes + lane] = value;
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
  //#for c in 0..8 {
  let at${c} = column(first + ${c});
  //#}
  //#for r in 0..4 {
  //#for c in 0..8 {
  var s${c}_${r}: vec4f;
  //#}
  //#}
  for (var id = lane; id < k.tiles; id += k.lanes) {
    let q = id % k.outputWidth;
    let p = (id / k.outputWidth) % k.blocks * 4 + vec4i(0, 1, 2, 3);
    let n = id / (k.outputWidth * k.blocks);
    let base = (n * k.channels + group * k.inputs) * k.height * k.width;
    let valid = p < vec4i(k.outputHeight);
    let start = ((n * k.outputChannels + group * k.outputs) * k.outputHeight + min(p, vec4i(k.outputHeight - 1))) * k.outputWidth + q;
    let g0 = readG(start, valid, output);
    //#for o in 1..16 {
    var g${o}: vec4f;
    //#}
    //#for start, b in 1 4 8 {
    if (OUTPUTS > ${start}u) {
      //#for o in ${start}..${4 * (b + 1) + 4 * (b / 2)} {
      g${o} = readG(start, valid, output + ${o});
      //#}
    }
    //#}
    //#for c in 0..8 {
    let x${c} = readX(base, p, q, at${c});
    if (OUTPUTS == 1u) { s${c}_0.x += dot(x${c}, g0); } else { s${c}_0 += dots(x${c}, g0, g1, g2, g3); }
    if (OUTPUTS > 4u) { s${c}_1 += dots(x${c}, g4, g5, g6, g7); }
    if (OUTPUTS > 8u) {
      s${c}_2 += dots(x${c}, g8, g9, g10, g11);
      s${c}_3 += dots(x${c}, g12, g13, g14, g15);
    }
    //#}
  }
  //#for c in 0..8 {
  if (OUTPUTS == 1u) { store(s${c}_0.x, output, first + ${c}, group, lane); } else { store4(s${c}_0, output, first + ${c}, group, lane); }
  //#}
  if (OUTPUTS > 4u) {
    //#for c in 0..8 {
    store4(s${c}_1, output + 4, first + ${c}, group, lane);
    //#}
  }
  if (OUTPUTS > 8u) {
    //#for c in 0..8 {
    store4(s${c}_2, output + 8, first + ${c}, group, lane);
    store4(s${c}_3, output + 12, first + ${c}, group, lane);
    //#}
  }
}
