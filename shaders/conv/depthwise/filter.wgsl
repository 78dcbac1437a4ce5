// Filter gradient of a depthwise convolution of stride 1, for kernels of 3x3 and 5x5 with any dilation d.
//   gw[c, i, j] = sum over n, p, q of g[n, c, p, q] x[n, c, p - top + i d, q - left + j d]
// A lane walks over tiles of 4x4 pixels of g that lie d apart, as in image.wgsl, and keeps the k^2 sums of its tiles: lane sums [c k^2, lanes], which partial-sums.wgsl adds.
// Tested by test/core/conv.devices.test.ts.
struct Geometry {
  //#include "shared/depthwise-geometry.wgsl"
  // The dilation.
  step: i32,
}

@group(0) @binding(0) var<uniform> k: Geometry;
@group(0) @binding(1) var<storage, read> source: array<f32>;
@group(0) @binding(2) var<storage, read> g: array<f32>;
@group(0) @binding(3) var<storage, read_write> laneSums: array<f32>;

//#include "shared/depthwise-rows.wgsl"

// Four values of g in a row of a tile; zeros outside.
fn readG(plane: i32, y: i32, x: i32) -> vec4f {
  let start = (plane * k.tileHeight + min(y, k.tileHeight - 1)) * k.tileWidth;
  let column = vec4i(x) + vec4i(0, 1, 2, 3) * k.step;
  let at = start + min(column, vec4i(k.tileWidth - 1));
  return select(vec4f(), vec4f(g[at.x], g[at.y], g[at.z], g[at.w]), vec4<bool>(y < k.tileHeight) & (column < vec4i(k.tileWidth)));
}

struct WeightRow { a: vec4f, e: f32 }

fn store(value: WeightRow, channel: i32, i: i32, size: i32, lane: i32) {
  let to = (channel * size * size + i * size) * k.lanes + lane;
  laneSums[to] = value.a.x;
  laneSums[to + k.lanes] = value.a.y;
  laneSums[to + 2 * k.lanes] = value.a.z;
  if (size == 5) {
    laneSums[to + 3 * k.lanes] = value.a.w;
    laneSums[to + 4 * k.lanes] = value.e;
  }
}

fn add3(sum: WeightRow, r: Row, g: vec4f) -> WeightRow {
  return WeightRow(sum.a + vec4f(dot(r.a, g), dot(vec4f(r.a.yzw, r.b.x), g), dot(vec4f(r.a.zw, r.b.xy), g), 0), 0);
}

//#include "shared/depthwise-filter.wgsl" with SIZE = 3, COLUMNS = 6

fn add5(sum: WeightRow, r: Row, g: vec4f) -> WeightRow {
  return WeightRow(sum.a + vec4f(dot(r.a, g), dot(vec4f(r.a.yzw, r.b.x), g), dot(vec4f(r.a.zw, r.b.xy), g), dot(vec4f(r.a.w, r.b.xyz), g)), sum.e + dot(r.b, g));
}

//#include "shared/depthwise-filter.wgsl" with SIZE = 5, COLUMNS = 8
