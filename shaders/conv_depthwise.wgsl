// Depthwise convolution of stride 1, and its input gradient, for kernels of 3x3 and 5x5 with dilation 1 and 2.
//   written[n, c, y, x] = sum over i, j of source[n, c, y - top + i d, x - left + j d] w[c, i, j], zeros outside the source
// The input gradient is the same sum over g with the taps reversed and padding d (k - 1) - top. A lane takes a tile of 4x4, whose
// taps share loads: (4 + d (k - 1))^2 loads for 16 k^2 products. Lanes run over n and tiles; workgroups along y over channels.
// Tested by test/shared/conv_kernels.test.ts.
struct Geometry {
  // Tiles in a channel, along the height and along the width; channels; lanes in a channel.
  tiles: i32, blocksY: i32, blocksX: i32, channels: i32, lanes: i32,
  // The image that is read with a halo, the image of the tiles, and the row and column of the first tap of pixel (0, 0).
  height: i32, width: i32, tileHeight: i32, tileWidth: i32, top: i32, left: i32,
  reversed: u32,
}

@group(0) @binding(0) var<uniform> k: Geometry;
@group(0) @binding(1) var<storage, read> source: array<f32>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read_write> written: array<f32>;

// Columns that a tile reads, from its first tap on, clamped, and which of them are inside.
struct Columns { a: vec4i, b: vec4i, c: vec4i, inA: vec4<bool>, inB: vec4<bool>, inC: vec4<bool> }

fn columns(first: i32) -> Columns {
  let a = vec4i(first) + vec4i(0, 1, 2, 3);
  let b = a + 4;
  let c = a + 8;
  let last = vec4i(k.width - 1);
  return Columns(
    clamp(a, vec4i(0), last), clamp(b, vec4i(0), last), clamp(c, vec4i(0), last),
    (a >= vec4i(0)) & (a <= last), (b >= vec4i(0)) & (b <= last), (c >= vec4i(0)) & (c <= last),
  );
}

struct Row { a: vec4f, b: vec4f, c: vec4f }

// Six, eight or twelve columns of a row; zeros outside.
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
  if (count == 12) {
    r.c = select(vec4f(), vec4f(source[start + at.c.x], source[start + at.c.y], source[start + at.c.z], source[start + at.c.w]), inside & at.inC);
  }
  return r;
}

struct Tile { plane: i32, y: i32, x: i32, exists: bool }

fn tile(workgroup: vec3u, local: u32) -> Tile {
  let id = i32(workgroup.x * 64u + local);
  let at = min(id, k.tiles - 1);
  let n = at / (k.blocksX * k.blocksY);
  return Tile(n * k.channels + i32(workgroup.y), (at / k.blocksX) % k.blocksY * 4, at % k.blocksX * 4, id < k.tiles);
}

fn storeRow(value: vec4f, t: Tile, row: i32) {
  let y = t.y + row;
  if (y >= k.tileHeight) { return; }
  let to = (t.plane * k.tileHeight + y) * k.tileWidth + t.x;
  written[to] = value.x;
  if (t.x + 3 < k.tileWidth) {
    written[to + 1] = value.y;
    written[to + 2] = value.z;
    written[to + 3] = value.w;
  } else {
    if (t.x + 1 < k.tileWidth) { written[to + 1] = value.y; }
    if (t.x + 2 < k.tileWidth) { written[to + 2] = value.z; }
  }
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

fn across3d1(r: Row, w: Taps) -> vec4f {
  return r.a * w.a.x + vec4f(r.a.yzw, r.b.x) * w.a.y + vec4f(r.a.zw, r.b.xy) * w.a.z;
}

@compute @workgroup_size(64)
fn kernel3d1(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) local: u32) {
  let w0 = taps(workgroup.y, 0u, 3u);
  let w1 = taps(workgroup.y, 1u, 3u);
  let w2 = taps(workgroup.y, 2u, 3u);
  let t = tile(workgroup, local);
  let at = columns(t.x - k.left);
  let row = t.y - k.top;
  let r0 = readRow(t.plane, row, at, 6);
  var y0 = across3d1(r0, w0);
  let r1 = readRow(t.plane, row + 1, at, 6);
  var y1 = across3d1(r1, w0);
  y0 += across3d1(r1, w1);
  let r2 = readRow(t.plane, row + 2, at, 6);
  var y2 = across3d1(r2, w0);
  y1 += across3d1(r2, w1);
  y0 += across3d1(r2, w2);
  let r3 = readRow(t.plane, row + 3, at, 6);
  var y3 = across3d1(r3, w0);
  y2 += across3d1(r3, w1);
  y1 += across3d1(r3, w2);
  let r4 = readRow(t.plane, row + 4, at, 6);
  y3 += across3d1(r4, w1);
  y2 += across3d1(r4, w2);
  let r5 = readRow(t.plane, row + 5, at, 6);
  y3 += across3d1(r5, w2);
  if (!t.exists) { return; }
  storeRow(y0, t, 0);
  storeRow(y1, t, 1);
  storeRow(y2, t, 2);
  storeRow(y3, t, 3);
}

fn across3d2(r: Row, w: Taps) -> vec4f {
  return r.a * w.a.x + vec4f(r.a.zw, r.b.xy) * w.a.y + r.b * w.a.z;
}

@compute @workgroup_size(64)
fn kernel3d2(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) local: u32) {
  let w0 = taps(workgroup.y, 0u, 3u);
  let w1 = taps(workgroup.y, 1u, 3u);
  let w2 = taps(workgroup.y, 2u, 3u);
  let t = tile(workgroup, local);
  let at = columns(t.x - k.left);
  let row = t.y - k.top;
  let r0 = readRow(t.plane, row, at, 8);
  var y0 = across3d2(r0, w0);
  let r1 = readRow(t.plane, row + 1, at, 8);
  var y1 = across3d2(r1, w0);
  let r2 = readRow(t.plane, row + 2, at, 8);
  var y2 = across3d2(r2, w0);
  y0 += across3d2(r2, w1);
  let r3 = readRow(t.plane, row + 3, at, 8);
  var y3 = across3d2(r3, w0);
  y1 += across3d2(r3, w1);
  let r4 = readRow(t.plane, row + 4, at, 8);
  y2 += across3d2(r4, w1);
  y0 += across3d2(r4, w2);
  let r5 = readRow(t.plane, row + 5, at, 8);
  y3 += across3d2(r5, w1);
  y1 += across3d2(r5, w2);
  let r6 = readRow(t.plane, row + 6, at, 8);
  y2 += across3d2(r6, w2);
  let r7 = readRow(t.plane, row + 7, at, 8);
  y3 += across3d2(r7, w2);
  if (!t.exists) { return; }
  storeRow(y0, t, 0);
  storeRow(y1, t, 1);
  storeRow(y2, t, 2);
  storeRow(y3, t, 3);
}

fn across5d1(r: Row, w: Taps) -> vec4f {
  return r.a * w.a.x + vec4f(r.a.yzw, r.b.x) * w.a.y + vec4f(r.a.zw, r.b.xy) * w.a.z + vec4f(r.a.w, r.b.xyz) * w.a.w + r.b * w.e;
}

@compute @workgroup_size(64)
fn kernel5d1(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) local: u32) {
  let w0 = taps(workgroup.y, 0u, 5u);
  let w1 = taps(workgroup.y, 1u, 5u);
  let w2 = taps(workgroup.y, 2u, 5u);
  let w3 = taps(workgroup.y, 3u, 5u);
  let w4 = taps(workgroup.y, 4u, 5u);
  let t = tile(workgroup, local);
  let at = columns(t.x - k.left);
  let row = t.y - k.top;
  let r0 = readRow(t.plane, row, at, 8);
  var y0 = across5d1(r0, w0);
  let r1 = readRow(t.plane, row + 1, at, 8);
  var y1 = across5d1(r1, w0);
  y0 += across5d1(r1, w1);
  let r2 = readRow(t.plane, row + 2, at, 8);
  var y2 = across5d1(r2, w0);
  y1 += across5d1(r2, w1);
  y0 += across5d1(r2, w2);
  let r3 = readRow(t.plane, row + 3, at, 8);
  var y3 = across5d1(r3, w0);
  y2 += across5d1(r3, w1);
  y1 += across5d1(r3, w2);
  y0 += across5d1(r3, w3);
  let r4 = readRow(t.plane, row + 4, at, 8);
  y3 += across5d1(r4, w1);
  y2 += across5d1(r4, w2);
  y1 += across5d1(r4, w3);
  y0 += across5d1(r4, w4);
  let r5 = readRow(t.plane, row + 5, at, 8);
  y3 += across5d1(r5, w2);
  y2 += across5d1(r5, w3);
  y1 += across5d1(r5, w4);
  let r6 = readRow(t.plane, row + 6, at, 8);
  y3 += across5d1(r6, w3);
  y2 += across5d1(r6, w4);
  let r7 = readRow(t.plane, row + 7, at, 8);
  y3 += across5d1(r7, w4);
  if (!t.exists) { return; }
  storeRow(y0, t, 0);
  storeRow(y1, t, 1);
  storeRow(y2, t, 2);
  storeRow(y3, t, 3);
}

fn across5d2(r: Row, w: Taps) -> vec4f {
  return r.a * w.a.x + vec4f(r.a.zw, r.b.xy) * w.a.y + r.b * w.a.z + vec4f(r.b.zw, r.c.xy) * w.a.w + r.c * w.e;
}

@compute @workgroup_size(64)
fn kernel5d2(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) local: u32) {
  let w0 = taps(workgroup.y, 0u, 5u);
  let w1 = taps(workgroup.y, 1u, 5u);
  let w2 = taps(workgroup.y, 2u, 5u);
  let w3 = taps(workgroup.y, 3u, 5u);
  let w4 = taps(workgroup.y, 4u, 5u);
  let t = tile(workgroup, local);
  let at = columns(t.x - k.left);
  let row = t.y - k.top;
  let r0 = readRow(t.plane, row, at, 12);
  var y0 = across5d2(r0, w0);
  let r1 = readRow(t.plane, row + 1, at, 12);
  var y1 = across5d2(r1, w0);
  let r2 = readRow(t.plane, row + 2, at, 12);
  var y2 = across5d2(r2, w0);
  y0 += across5d2(r2, w1);
  let r3 = readRow(t.plane, row + 3, at, 12);
  var y3 = across5d2(r3, w0);
  y1 += across5d2(r3, w1);
  let r4 = readRow(t.plane, row + 4, at, 12);
  y2 += across5d2(r4, w1);
  y0 += across5d2(r4, w2);
  let r5 = readRow(t.plane, row + 5, at, 12);
  y3 += across5d2(r5, w1);
  y1 += across5d2(r5, w2);
  let r6 = readRow(t.plane, row + 6, at, 12);
  y2 += across5d2(r6, w2);
  y0 += across5d2(r6, w3);
  let r7 = readRow(t.plane, row + 7, at, 12);
  y3 += across5d2(r7, w2);
  y1 += across5d2(r7, w3);
  let r8 = readRow(t.plane, row + 8, at, 12);
  y2 += across5d2(r8, w3);
  y0 += across5d2(r8, w4);
  let r9 = readRow(t.plane, row + 9, at, 12);
  y3 += across5d2(r9, w3);
  y1 += across5d2(r9, w4);
  let r10 = readRow(t.plane, row + 10, at, 12);
  y2 += across5d2(r10, w4);
  let r11 = readRow(t.plane, row + 11, at, 12);
  y3 += across5d2(r11, w4);
  if (!t.exists) { return; }
  storeRow(y0, t, 0);
  storeRow(y1, t, 1);
  storeRow(y2, t, 2);
  storeRow(y3, t, 3);
}
