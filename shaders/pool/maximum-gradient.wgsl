// gx[y, x] = sum of g[p, q] over the windows whose first maximum is pixel (y, x): a gather, since WGSL has no float atomics.
// g, index [planes, oh, ow] -> gx [planes, h, w]; index holds y w + x. `dense3` is the
// 3x3 window of stride 1: a lane takes a tile of 4x4 pixels. `general`: a lane takes four rows of one column and visits the
// windows that may hold a pixel, those from floor((y + top) / sy) downwards, `reachY` of them, likewise along x.
// Tested by test/core/fused.devices.test.ts.
struct Geometry {
  h: i32, w: i32, oh: i32, ow: i32,
  sy: i32, sx: i32, top: i32, left: i32,
  reachY: i32, reachX: i32, blocksY: i32, blocksX: i32, size: i32,
}

@group(0) @binding(0) var<uniform> k: Geometry;

// The commonest windows are square, without dilation: as constants they turn divisions into shifts and loops into straight code. 0: the
// uniforms say.
override WINDOW: i32 = 0;
override STRIDE: i32 = 0;

fn strideY() -> i32 { return select(k.sy, STRIDE, WINDOW > 0); }
fn strideX() -> i32 { return select(k.sx, STRIDE, WINDOW > 0); }
fn reachOver(uniformReach: i32) -> i32 { return select(uniformReach, (WINDOW - 1) / max(STRIDE, 1) + 1, WINDOW > 0); }

@group(0) @binding(1) var<storage, read> g: array<f32>;
@group(0) @binding(2) var<storage, read> index: array<i32>;
@group(0) @binding(3) var<storage, read_write> gx: array<f32>;

fn store(sum: vec4f, plane: i32, y: i32, x: i32) {
  let to = (plane * k.h + y) * k.w + x;
  gx[to] = sum.x;
  if (y + 1 < k.h) { gx[to + k.w] = sum.y; }
  if (y + 2 < k.h) { gx[to + 2 * k.w] = sum.z; }
  if (y + 3 < k.h) { gx[to + 3 * k.w] = sum.w; }
}

// The windows of one row that may hold a tile's pixels: six of them, g and index.
struct Windows { g: vec4f, g4: vec2f, at: vec4i, at4: vec2i }

fn windows(plane: i32, row: i32, q: i32) -> Windows {
  let start = (plane * k.oh + clamp(row, 0, k.oh - 1)) * k.ow;
  let low = vec4i(q) + vec4i(0, 1, 2, 3);
  let high = low.zw + 2;
  let a = start + clamp(low, vec4i(0), vec4i(k.ow - 1));
  let b = start + clamp(high, vec2i(0), vec2i(k.ow - 1));
  let inside = row >= 0 && row < k.oh;
  return Windows(
    vec4f(g[a.x], g[a.y], g[a.z], g[a.w]),
    vec2f(g[b.x], g[b.y]),
    select(vec4i(-1), vec4i(index[a.x], index[a.y], index[a.z], index[a.w]), vec4<bool>(inside) & (a == start + low)),
    select(vec2i(-1), vec2i(index[b.x], index[b.y]), vec2<bool>(inside) & (b == start + high)),
  );
}

// What four pixels in a row, the first with index `at`, get from a row of windows.
fn share(w: Windows, at: i32) -> vec4f {
  let here = at + vec4i(0, 1, 2, 3);
  return select(vec4f(), w.g, w.at == here)
    + select(vec4f(), vec4f(w.g.yzw, w.g4.x), vec4i(w.at.yzw, w.at4.x) == here)
    + select(vec4f(), vec4f(w.g.zw, w.g4), vec4i(w.at.zw, w.at4) == here);
}

fn storeRow(value: vec4f, plane: i32, row: i32, column: i32) {
  if (row >= k.h) { return; }
  let to = (plane * k.h + row) * k.w + column;
  gx[to] = value.x;
  if (column + 1 < k.w) { gx[to + 1] = value.y; }
  if (column + 2 < k.w) { gx[to + 2] = value.z; }
  if (column + 3 < k.w) { gx[to + 3] = value.w; }
}

//#include "shared/signed-invocation.wgsl" with ENTRY = dense3, ID = id, END = k.size
  let x = id % k.blocksX * 4;
  let y = (id / k.blocksX) % k.blocksY * 4;
  let plane = id / (k.blocksX * k.blocksY);
  let p = y + k.top - 2;
  let q = x + k.left - 2;
  let here = y * k.w + x;
  let below = k.w;
  let r0 = windows(plane, p, q);
  let r1 = windows(plane, p + 1, q);
  let r2 = windows(plane, p + 2, q);
  storeRow(share(r0, here) + share(r1, here) + share(r2, here), plane, y, x);
  let r3 = windows(plane, p + 3, q);
  storeRow(share(r1, here + below) + share(r2, here + below) + share(r3, here + below), plane, y + 1, x);
  let r4 = windows(plane, p + 4, q);
  storeRow(share(r2, here + 2 * below) + share(r3, here + 2 * below) + share(r4, here + 2 * below), plane, y + 2, x);
  let r5 = windows(plane, p + 5, q);
  storeRow(share(r3, here + 3 * below) + share(r4, here + 3 * below) + share(r5, here + 3 * below), plane, y + 3, x);
}

//#include "shared/signed-invocation.wgsl" with ENTRY = general, ID = id, END = k.size
  let x = id % k.w;
  let y = (id / k.w) % k.blocksY * 4;
  let plane = id / (k.w * k.blocksY);
  let base = plane * k.oh * k.ow;
  let here = (y + vec4i(0, 1, 2, 3)) * k.w + x;
  let lastP = (y + vec4i(0, 1, 2, 3) + k.top) / strideY();
  let lastQ = (x + k.left) / strideX();
  var sum = vec4f();
  for (var i = 0; i < reachOver(k.reachY); i++) {
    let p = lastP - i;
    let valid = (p >= vec4i(0)) & (p < vec4i(k.oh));
    let start = clamp(p, vec4i(0), vec4i(k.oh - 1)) * k.ow;
    for (var j = 0; j < reachOver(k.reachX); j++) {
      let q = lastQ - j;
      let inside = q >= 0 && q < k.ow;
      let c = base + clamp(q, 0, k.ow - 1);
      let v = vec4f(g[c + start.x], g[c + start.y], g[c + start.z], g[c + start.w]);
      let at = vec4i(index[c + start.x], index[c + start.y], index[c + start.z], index[c + start.w]);
      sum += select(vec4f(), v, (at == here) & valid & vec4<bool>(inside));
    }
  }
  store(sum, plane, y, x);
}
