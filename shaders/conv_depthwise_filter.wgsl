// Filter gradient of a depthwise convolution of stride 1, for kernels of 3x3 and 5x5 with any dilation d.
//   gw[c, i, j] = sum over n, p, q of g[n, c, p, q] x[n, c, p - top + i d, q - left + j d]
// A lane walks over tiles of 4x4 pixels of g that lie d apart, as in conv_depthwise.wgsl, and keeps the k^2 sums of its tiles: partials [c k^2, lanes], which partial_sums.wgsl adds.
// Tested by test/core/conv.devices.test.ts.
struct Geometry {
  // Tiles in a channel, along the height and along the width; channels; lanes in a channel.
  tiles: i32, blocksY: i32, blocksX: i32, channels: i32, lanes: i32,
  // The image that is read with a halo, the image of the tiles, and the row and column of the first tap of pixel (0, 0).
  height: i32, width: i32, tileHeight: i32, tileWidth: i32, top: i32, left: i32,
  // The dilation.
  step: i32,
}

@group(0) @binding(0) var<uniform> k: Geometry;
@group(0) @binding(1) var<storage, read> source: array<f32>;
@group(0) @binding(2) var<storage, read> g: array<f32>;
@group(0) @binding(3) var<storage, read_write> partials: array<f32>;

// Columns that a tile reads, from its first tap on, clamped, and which of them are inside.
struct Columns { a: vec4i, b: vec4i, inA: vec4<bool>, inB: vec4<bool> }

fn columns(first: i32) -> Columns {
  let a = vec4i(first) + vec4i(0, 1, 2, 3) * k.step;
  let b = a + 4 * k.step;
  let last = vec4i(k.width - 1);
  return Columns(clamp(a, vec4i(0), last), clamp(b, vec4i(0), last), (a >= vec4i(0)) & (a <= last), (b >= vec4i(0)) & (b <= last));
}

struct Row { a: vec4f, b: vec4f }

// Six or eight columns of a row; zeros outside.
fn readRow(plane: i32, row: i32, at: Columns, count: i32) -> Row {
  let start = (plane * k.height + clamp(row, 0, k.height - 1)) * k.width;
  let inside = vec4<bool>(row >= 0 && row < k.height);
  var r: Row;
  r.a = select(vec4f(), vec4f(source[start + at.a.x], source[start + at.a.y], source[start + at.a.z], source[start + at.a.w]), inside & at.inA);
  if (count == 6) {
    r.b = select(vec4f(), vec4f(source[start + at.b.x], source[start + at.b.y], 0, 0), inside & at.inB);
  } else {
    r.b = select(vec4f(), vec4f(source[start + at.b.x], source[start + at.b.y], source[start + at.b.z], source[start + at.b.w]), inside & at.inB);
  }
  return r;
}

// Tiles that start in the same run of 4 d pixels interleave.
fn firstPixel(block: i32) -> i32 {
  return block / k.step * 4 * k.step + block % k.step;
}

// Four values of g in a row of a tile; zeros outside.
fn readG(plane: i32, y: i32, x: i32) -> vec4f {
  let start = (plane * k.tileHeight + min(y, k.tileHeight - 1)) * k.tileWidth;
  let column = vec4i(x) + vec4i(0, 1, 2, 3) * k.step;
  let at = start + min(column, vec4i(k.tileWidth - 1));
  return select(vec4f(), vec4f(g[at.x], g[at.y], g[at.z], g[at.w]), vec4<bool>(y < k.tileHeight) & (column < vec4i(k.tileWidth)));
}

struct Taps { a: vec4f, e: f32 }

fn store(value: Taps, channel: i32, i: i32, size: i32, lane: i32) {
  let to = (channel * size * size + i * size) * k.lanes + lane;
  partials[to] = value.a.x;
  partials[to + k.lanes] = value.a.y;
  partials[to + 2 * k.lanes] = value.a.z;
  if (size == 5) {
    partials[to + 3 * k.lanes] = value.a.w;
    partials[to + 4 * k.lanes] = value.e;
  }
}

fn add3(sum: Taps, r: Row, g: vec4f) -> Taps {
  return Taps(sum.a + vec4f(dot(r.a, g), dot(vec4f(r.a.yzw, r.b.x), g), dot(vec4f(r.a.zw, r.b.xy), g), 0), 0);
}

@compute @workgroup_size(64)
fn kernel3x3(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) local: u32) {
  let lane = i32(workgroup.x * 64u + local);
  let channel = i32(workgroup.y);
  var s0: Taps;
  var s1: Taps;
  var s2: Taps;
  for (var id = lane; id < k.tiles; id += k.lanes) {
    let plane = id / (k.blocksX * k.blocksY) * k.channels + channel;
    let ty = firstPixel(id / k.blocksX % k.blocksY);
    let tx = firstPixel(id % k.blocksX);
    let at = columns(tx - k.left);
    let row = ty - k.top;
    let g0 = readG(plane, ty, tx);
    let g1 = readG(plane, ty + k.step, tx);
    let g2 = readG(plane, ty + 2 * k.step, tx);
    let g3 = readG(plane, ty + 3 * k.step, tx);
    let r0 = readRow(plane, row, at, 6);
    s0 = add3(s0, r0, g0);
    let r1 = readRow(plane, row + k.step, at, 6);
    s0 = add3(s0, r1, g1);
    s1 = add3(s1, r1, g0);
    let r2 = readRow(plane, row + 2 * k.step, at, 6);
    s0 = add3(s0, r2, g2);
    s1 = add3(s1, r2, g1);
    s2 = add3(s2, r2, g0);
    let r3 = readRow(plane, row + 3 * k.step, at, 6);
    s0 = add3(s0, r3, g3);
    s1 = add3(s1, r3, g2);
    s2 = add3(s2, r3, g1);
    let r4 = readRow(plane, row + 4 * k.step, at, 6);
    s1 = add3(s1, r4, g3);
    s2 = add3(s2, r4, g2);
    let r5 = readRow(plane, row + 5 * k.step, at, 6);
    s2 = add3(s2, r5, g3);
  }
  store(s0, channel, 0, 3, lane);
  store(s1, channel, 1, 3, lane);
  store(s2, channel, 2, 3, lane);
}

fn add5(sum: Taps, r: Row, g: vec4f) -> Taps {
  return Taps(sum.a + vec4f(dot(r.a, g), dot(vec4f(r.a.yzw, r.b.x), g), dot(vec4f(r.a.zw, r.b.xy), g), dot(vec4f(r.a.w, r.b.xyz), g)), sum.e + dot(r.b, g));
}

@compute @workgroup_size(64)
fn kernel5x5(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) local: u32) {
  let lane = i32(workgroup.x * 64u + local);
  let channel = i32(workgroup.y);
  var s0: Taps;
  var s1: Taps;
  var s2: Taps;
  var s3: Taps;
  var s4: Taps;
  for (var id = lane; id < k.tiles; id += k.lanes) {
    let plane = id / (k.blocksX * k.blocksY) * k.channels + channel;
    let ty = firstPixel(id / k.blocksX % k.blocksY);
    let tx = firstPixel(id % k.blocksX);
    let at = columns(tx - k.left);
    let row = ty - k.top;
    let g0 = readG(plane, ty, tx);
    let g1 = readG(plane, ty + k.step, tx);
    let g2 = readG(plane, ty + 2 * k.step, tx);
    let g3 = readG(plane, ty + 3 * k.step, tx);
    let r0 = readRow(plane, row, at, 8);
    s0 = add5(s0, r0, g0);
    let r1 = readRow(plane, row + k.step, at, 8);
    s0 = add5(s0, r1, g1);
    s1 = add5(s1, r1, g0);
    let r2 = readRow(plane, row + 2 * k.step, at, 8);
    s0 = add5(s0, r2, g2);
    s1 = add5(s1, r2, g1);
    s2 = add5(s2, r2, g0);
    let r3 = readRow(plane, row + 3 * k.step, at, 8);
    s0 = add5(s0, r3, g3);
    s1 = add5(s1, r3, g2);
    s2 = add5(s2, r3, g1);
    s3 = add5(s3, r3, g0);
    let r4 = readRow(plane, row + 4 * k.step, at, 8);
    s1 = add5(s1, r4, g3);
    s2 = add5(s2, r4, g2);
    s3 = add5(s3, r4, g1);
    s4 = add5(s4, r4, g0);
    let r5 = readRow(plane, row + 5 * k.step, at, 8);
    s2 = add5(s2, r5, g3);
    s3 = add5(s3, r5, g2);
    s4 = add5(s4, r5, g1);
    let r6 = readRow(plane, row + 6 * k.step, at, 8);
    s3 = add5(s3, r6, g3);
    s4 = add5(s4, r6, g2);
    let r7 = readRow(plane, row + 7 * k.step, at, 8);
    s4 = add5(s4, r7, g3);
  }
  store(s0, channel, 0, 5, lane);
  store(s1, channel, 1, 5, lane);
  store(s2, channel, 2, 5, lane);
  store(s3, channel, 3, 5, lane);
  store(s4, channel, 4, 5, lane);
}
