// Depthwise convolution of stride 1, and its input gradient, for kernels of 3x3 and 5x5 with any dilation d.
//   written[n, c, y, x] = sum over i, j of source[n, c, y - top + i d, x - left + j d] w[c, i, j], zeros outside the source
// The input gradient is the same sum over g with the taps reversed and padding d (k - 1) - top. A lane takes a tile of 4x4 pixels
// that lie d apart, so that their taps share loads whatever the dilation: (k + 3)^2 loads for 16 k^2 products. Lanes run over n and
// tiles; workgroups along y over channels. Tested by test/core/conv.devices.test.ts.
struct Geometry {
  //#include "shared/depthwise-geometry.wgsl"
  // The dilation, and whether taps are reversed.
  step: i32, reversed: u32,
}

@group(0) @binding(0) var<uniform> k: Geometry;
@group(0) @binding(1) var<storage, read> source: array<f32>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read_write> written: array<f32>;

//#include "shared/depthwise-rows.wgsl"

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

struct WeightRow { a: vec4f, e: f32 }

// One row of three or five taps, from the end where they are reversed.
fn weightRow(channel: u32, i: u32, size: u32) -> WeightRow {
  let last = size * size - 1u;
  let start = channel * size * size;
  let first = i * size;
  let origin = start + select(first, last - first, k.reversed == 1u);
  let step = select(1u, 0xffffffffu, k.reversed == 1u);
  var w: WeightRow;
  w.a = vec4f(weight[origin], weight[origin + step], weight[origin + 2u * step], 0.0);
  if (size == 5u) {
    w.a.w = weight[origin + 3u * step];
    w.e = weight[origin + 4u * step];
  }
  return w;
}

fn across3(r: Row, w: WeightRow) -> vec4f {
  return r.a * w.a.x + vec4f(r.a.yzw, r.b.x) * w.a.y + vec4f(r.a.zw, r.b.xy) * w.a.z;
}

//#include "shared/depthwise-image.wgsl" with SIZE = 3, COLUMNS = 6

fn across5(r: Row, w: WeightRow) -> vec4f {
  return r.a * w.a.x + vec4f(r.a.yzw, r.b.x) * w.a.y + vec4f(r.a.zw, r.b.xy) * w.a.z + vec4f(r.a.w, r.b.xyz) * w.a.w + r.b * w.e;
}

//#include "shared/depthwise-image.wgsl" with SIZE = 5, COLUMNS = 8
