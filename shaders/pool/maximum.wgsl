// Maximum of each window and the flat index (y w + x) of its first maximum; padding is never chosen.
//   y[p, q] = max over i, j of x[p sy - top + i dy, q sx - left + j dx], plane by plane, x [planes, h, w]
// `dense3` is the 3x3 window of stride and dilation 1: a lane takes four columns of DENSE_ROWS outputs and
// loads each row of pixels once. `general` is
// every other geometry: a lane takes four rows of one column. Pixels are visited in row-major order and only a larger value, or
// a NaN, replaces the best so far, which starts as -infinity at the window's first pixel inside the image.
// Tested by test/core/fused.devices.test.ts.
struct Geometry {
  //#include "shared/window-geometry.wgsl"
  // Lanes along the height and the width of a plane, and in all; minus infinity, which WGSL cannot write.
  blocksY: i32, blocksX: i32, size: i32, lowest: f32,
}

@group(0) @binding(0) var<uniform> k: Geometry;

//#include "shared/window-constants.wgsl"

@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
// Integers: a float32 holds positions to 2^24 alone.
@group(0) @binding(3) var<storage, read_write> index: array<i32>;

//#include "shared/special.wgsl" with TYPE = vec4f, WORD = vec4u, BOOL = vec4<bool>

struct Best { value: vec4f, at: vec4i }

fn better(best: Best, value: vec4f, at: vec4i) -> Best {
  let wins = isNan(value) | ((value > best.value) & !isNan(best.value));
  return Best(select(best.value, value, wins), select(best.at, at, wins));
}

// Whether the indices are wanted: only a gradient needs them. Without, `index` is a single element that is not written.
override INDEXED: bool = true;

fn put(to: i32, value: f32, at: i32) {
  y[to] = value;
  if (INDEXED) { index[to] = at; }
}

fn storeRow(best: Best, plane: i32, p: i32, q: i32) {
  if (p >= k.oh) { return; }
  let to = (plane * k.oh + p) * k.ow + q;
  put(to, best.value.x, best.at.x);
  if (q + 1 < k.ow) { put(to + 1, best.value.y, best.at.y); }
  if (q + 2 < k.ow) { put(to + 2, best.value.z, best.at.z); }
  if (q + 3 < k.ow) { put(to + 3, best.value.w, best.at.w); }
}

// The maxima of three neighbours in a row, four of them from column q on. What lies outside reads the nearest pixel inside, which is in
// every window that reaches there, so that neither the maximum nor the first pixel that has it changes.
fn rowBest(plane: i32, row: i32, q: i32) -> Best {
  let inRow = clamp(row, 0, k.h - 1) * k.w;
  let start = plane * k.h * k.w;
  let low = vec4i(q) + vec4i(0, 1, 2, 3);
  let a = clamp(low, vec4i(0), vec4i(k.w - 1)) + inRow;
  let b = clamp(low.zw + 2, vec2i(0), vec2i(k.w - 1)) + inRow;
  let v = vec4f(x[start + a.x], x[start + a.y], x[start + a.z], x[start + a.w]);
  let u = vec2f(x[start + b.x], x[start + b.y]);
  return better(better(Best(v, a), vec4f(v.yzw, u.x), vec4i(a.yzw, b.x)), vec4f(v.zw, u), vec4i(a.zw, b));
}

fn first3(a: Best, b: Best, c: Best) -> Best {
  return better(better(a, b.value, b.at), c.value, c.at);
}

//#include "shared/signed-invocation.wgsl" with ENTRY = dense3, ID = id, END = k.size
  let q = id % k.blocksX * 4;
  let p = (id / k.blocksX) % k.blocksY * DENSE_ROWS;
  let plane = id / (k.blocksX * k.blocksY);
  let row = p - k.top;
  let column = q - k.left;
  var r0 = rowBest(plane, row, column);
  var r1 = rowBest(plane, row + 1, column);
  for (var i = 0; i < DENSE_ROWS && p + i < k.oh; i++) {
    let r2 = rowBest(plane, row + i + 2, column);
    storeRow(first3(r0, r1, r2), plane, p + i, q);
    r0 = r1;
    r1 = r2;
  }
}

// The first of origin, origin + step, ... that is not negative.
fn firstInside(origin: vec4i, step: i32) -> vec4i {
  return select(origin, origin + (step - 1 - origin) / step * step, origin < vec4i(0));
}

//#include "shared/signed-invocation.wgsl" with ENTRY = general, ID = id, END = k.size
  let q = id % k.ow;
  let p = (id / k.ow) % k.blocksY * 4;
  let plane = id / (k.ow * k.blocksY);
  let base = plane * k.h * k.w;
  let rows = (p + vec4i(0, 1, 2, 3)) * strideY() - k.top;
  let left = q * strideX() - k.left;
  var best = Best(vec4f(k.lowest), firstInside(rows, dilationY()) * k.w + firstInside(vec4i(left), dilationX()));
  for (var i = 0; i < windowY(); i++) {
    let row = rows + i * dilationY();
    let valid = (row >= vec4i(0)) & (row < vec4i(k.h));
    let start = clamp(row, vec4i(0), vec4i(k.h - 1)) * k.w;
    for (var j = 0; j < windowX(); j++) {
      let column = left + j * dilationX();
      if (column < 0 || column >= k.w) { continue; }
      let c = base + column;
      let v = vec4f(x[c + start.x], x[c + start.y], x[c + start.z], x[c + start.w]);
      best = better(best, select(vec4f(k.lowest), v, valid), start + column);
    }
  }
  let to = (plane * k.oh + p) * k.ow + q;
  put(to, best.value.x, best.at.x);
  if (p + 1 < k.oh) { put(to + k.ow, best.value.y, best.at.y); }
  if (p + 2 < k.oh) { put(to + 2 * k.ow, best.value.z, best.at.z); }
  if (p + 3 < k.oh) { put(to + 3 * k.ow, best.value.w, best.at.w); }
}
