// Depthwise convolution of stride 1, and its input gradient, for kernels of 3x3 and 5x5 with any dilation d.
//   written[n, c, y, x] = sum over i, j of source[n, c, y - top + i d, x - left + j d] w[c, i, j], zeros outside the source
// The input gradient is the same sum over g with the taps reversed and padding d (k - 1) - top. A lane takes a tile of 4x4 pixels
// that lie d apart, so that their taps share loads whatever the dilation: (k + 3)^2 loads for 16 k^2 products. Lanes run over n and
// tiles; workgroups along y over channels. Tested by test/core/conv.devices.test.ts.
struct Geometry {
  // Tiles in a channel, along the height and along the width; channels; lanes in a channel.
  tiles: i32, blocksY: i32, blocksX: i32, channels: i32, lanes: i32,
  // The image that is read with a halo, the image of the tiles, and the row and column of the first tap of pixel (0, 0).
  height: i32, width: i32, tileHeight: i32, tileWidth: i32, top: i32, left: i32,
  // The dilation, and whether taps are reversed.
  step: i32, reversed: u32,
}

@group(0) @binding(0) var<uniform> k: Geometry;
@group(0) @binding(1) var<storage, read> source: array<f32>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read_write> written: array<f32>;

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

struct Tile { plane: i32, y: i32, x: i32, exists: bool }

fn tile(workgroup: vec3u, local: u32) -> Tile {
  let id = i32(workgroup.x * 64u + local);
  let at = min(id, k.tiles - 1);
  let n = at / (k.blocksX * k.blocksY);
  let y = firstPixel(at / k.blocksX % k.blocksY);
  let x = firstPixel(at % k.blocksX);
  return Tile(n * k.channels + i32(workgroup.y), y, x, id < k.tiles && x < k.tileWidth);
}

fn storeRow(value: vec4f, t: Tile, row: i32) {
  let y = t.y + row * k.step;
  if (y >= k.tileHeight) { return; }
  let to = (t.plane * k.tileHeight + y) * k.tileWidth + t.x;
  written[to] = value.x;
  if (t.x + k.step < k.tileWidth) { written[to + k.step] = value.y; }
  if (t.x + 2 * k.step < k.tileWidth) { written[to + 2 * k.step] = value.z; }
  if (t.x + 3 * k.step < k.tileWidth) { written[to + 3 * k.step] = value.w; }
}

struct Taps { a: vec4f, e: f32 }

// One row of three or five taps, from the end where they are reversed.
fn taps(channel: u32, i: u32, size: u32) -> Taps {
  let last = size * size - 1u;
  let start = channel * size * size;
  let first = i * size;
  let origin = start + select(first, last - first, k.reversed == 1u);
  let step = select(1u, 0xffffffffu, k.reversed == 1u);
  var w: Taps;
  w.a = vec4f(weight[origin], weight[origin + step], weight[origin + 2u * step], 0.0);
  if (size == 5u) {
    w.a.w = weight[origin + 3u * step];
    w.e = weight[origin + 4u * step];
  }
  return w;
}

fn across3(r: Row, w: Taps) -> vec4f {
  return r.a * w.a.x + vec4f(r.a.yzw, r.b.x) * w.a.y + vec4f(r.a.zw, r.b.xy) * w.a.z;
}

@compute @workgroup_size(64)
fn kernel3x3(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) local: u32) {
  let w0 = taps(workgroup.y, 0u, 3u);
  let w1 = taps(workgroup.y, 1u, 3u);
  let w2 = taps(workgroup.y, 2u, 3u);
  let t = tile(workgroup, local);
  let at = columns(t.x - k.left);
  let row = t.y - k.top;
  let r0 = readRow(t.plane, row, at, 6);
  var y0 = across3(r0, w0);
  let r1 = readRow(t.plane, row + k.step, at, 6);
  var y1 = across3(r1, w0);
  y0 += across3(r1, w1);
  let r2 = readRow(t.plane, row + 2 * k.step, at, 6);
  var y2 = across3(r2, w0);
  y1 += across3(r2, w1);
  y0 += across3(r2, w2);
  let r3 = readRow(t.plane, row + 3 * k.step, at, 6);
  var y3 = across3(r3, w0);
  y2 += across3(r3, w1);
  y1 += across3(r3, w2);
  let r4 = readRow(t.plane, row + 4 * k.step, at, 6);
  y3 += across3(r4, w1);
  y2 += across3(r4, w2);
  let r5 = readRow(t.plane, row + 5 * k.step, at, 6);
  y3 += across3(r5, w2);
  if (!t.exists) { return; }
  storeRow(y0, t, 0);
  storeRow(y1, t, 1);
  storeRow(y2, t, 2);
  storeRow(y3, t, 3);
}

fn across5(r: Row, w: Taps) -> vec4f {
  return r.a * w.a.x + vec4f(r.a.yzw, r.b.x) * w.a.y + vec4f(r.a.zw, r.b.xy) * w.a.z + vec4f(r.a.w, r.b.xyz) * w.a.w + r.b * w.e;
}

@compute @workgroup_size(64)
fn kernel5x5(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) local: u32) {
  let w0 = taps(workgroup.y, 0u, 5u);
  let w1 = taps(workgroup.y, 1u, 5u);
  let w2 = taps(workgroup.y, 2u, 5u);
  let w3 = taps(workgroup.y, 3u, 5u);
  let w4 = taps(workgroup.y, 4u, 5u);
  let t = tile(workgroup, local);
  let at = columns(t.x - k.left);
  let row = t.y - k.top;
  let r0 = readRow(t.plane, row, at, 8);
  var y0 = across5(r0, w0);
  let r1 = readRow(t.plane, row + k.step, at, 8);
  var y1 = across5(r1, w0);
  y0 += across5(r1, w1);
  let r2 = readRow(t.plane, row + 2 * k.step, at, 8);
  var y2 = across5(r2, w0);
  y1 += across5(r2, w1);
  y0 += across5(r2, w2);
  let r3 = readRow(t.plane, row + 3 * k.step, at, 8);
  var y3 = across5(r3, w0);
  y2 += across5(r3, w1);
  y1 += across5(r3, w2);
  y0 += across5(r3, w3);
  let r4 = readRow(t.plane, row + 4 * k.step, at, 8);
  y3 += across5(r4, w1);
  y2 += across5(r4, w2);
  y1 += across5(r4, w3);
  y0 += across5(r4, w4);
  let r5 = readRow(t.plane, row + 5 * k.step, at, 8);
  y3 += across5(r5, w2);
  y2 += across5(r5, w3);
  y1 += across5(r5, w4);
  let r6 = readRow(t.plane, row + 6 * k.step, at, 8);
  y3 += across5(r6, w3);
  y2 += across5(r6, w4);
  let r7 = readRow(t.plane, row + 7 * k.step, at, 8);
  y3 += across5(r7, w4);
  if (!t.exists) { return; }
  storeRow(y0, t, 0);
  storeRow(y1, t, 1);
  storeRow(y2, t, 2);
  storeRow(y3, t, 3);
}
