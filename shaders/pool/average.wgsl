// Mean of each window over its pixels inside the image (count_include_pad = false), plane by plane, and its adjoint.
//   y[p, q]  = 1 / count(p, q) sum over i, j of x[p sy - top + i dy, q sx - left + j dx]
//   gx[y, x] = sum over the windows (p, q) that hold pixel (y, x) of g[p, q] / count(p, q)
// x, gx [planes, h, w]; y, g [planes, oh, ow]. `dense3` and `dense3Gradient` are the 3x3 window of stride and dilation 1: a lane
// takes four columns of DENSE_ROWS windows, or 4x4 pixels. `general` and `generalGradient` are every other geometry: a lane takes four rows
// of one column. Tested by test/core/fused.devices.test.ts.
struct Geometry {
  //#include "shared/window-geometry.wgsl"
  // Lanes along the height and the width of a plane, and in all.
  blocksY: i32, blocksX: i32, size: i32,
}

@group(0) @binding(0) var<uniform> k: Geometry;

//#include "shared/window-constants.wgsl"

@group(0) @binding(1) var<storage, read> source: array<f32>;
@group(0) @binding(2) var<storage, read_write> destination: array<f32>;

fn store(value: vec4f, plane: i32, row: i32, column: i32, height: i32, width: i32) {
  let to = (plane * height + row) * width + column;
  destination[to] = value.x;
  if (row + 1 < height) { destination[to + width] = value.y; }
  if (row + 2 < height) { destination[to + 2 * width] = value.z; }
  if (row + 3 < height) { destination[to + 3 * width] = value.w; }
}

// How many of the taps origin, origin + step, ... (length of them) lie in [0, size).
fn countInside(origin: vec4i, step: i32, length: i32, size: i32) -> vec4f {
  let first = max(vec4i(0), (step - 1 - origin) / step);
  let end = min(vec4i(length), (size - 1 - origin) / step + 1);
  return vec4f(max(vec4i(0), end - select(vec4i(0), first, origin < vec4i(0))));
}

fn x(at: i32) -> f32 { return source[at]; }

// The columns a tile reads, six from `first`, and what each is multiplied by.
struct Columns { low: vec4i, high: vec2i, lowWeight: vec4f, highWeight: vec2f }

// Sums of three neighbours in a row: four of them, or zeros for a row outside.
fn rowSums(plane: i32, row: i32, height: i32, width: i32, c: Columns) -> vec4f {
  let start = (plane * height + clamp(row, 0, height - 1)) * width;
  let v = vec4f(x(start + c.low.x), x(start + c.low.y), x(start + c.low.z), x(start + c.low.w)) * c.lowWeight;
  let u = vec2f(x(start + c.high.x), x(start + c.high.y)) * c.highWeight;
  return select(vec4f(), v + vec4f(v.yzw, u.x) + vec4f(v.zw, u), row >= 0 && row < height);
}

fn storeRow(value: vec4f, plane: i32, row: i32, column: i32, height: i32, width: i32) {
  if (row >= height) { return; }
  let to = (plane * height + row) * width + column;
  destination[to] = value.x;
  if (column + 3 < width) {
    destination[to + 1] = value.y;
    destination[to + 2] = value.z;
    destination[to + 3] = value.w;
  } else {
    if (column + 1 < width) { destination[to + 1] = value.y; }
    if (column + 2 < width) { destination[to + 2] = value.z; }
  }
}

// The four windows from `first` on that three taps make along an axis of `size` pixels: how many taps are inside.
fn inside3(first: i32, size: i32) -> vec4f {
  let low = max(vec4i(first) + vec4i(0, 1, 2, 3), vec4i(0));
  let end = min(vec4i(first) + vec4i(3, 4, 5, 6), vec4i(size));
  return vec4f(max(vec4i(1), end - low));
}

//#include "shared/signed-invocation.wgsl" with ENTRY = dense3, ID = id, END = k.size
  let q = id % k.blocksX * 4;
  let p = (id / k.blocksX) % k.blocksY * DENSE_ROWS;
  let plane = id / (k.blocksX * k.blocksY);
  let low = vec4i(q - k.left) + vec4i(0, 1, 2, 3);
  let high = low.zw + 2;
  let columns = Columns(
    clamp(low, vec4i(0), vec4i(k.w - 1)),
    clamp(high, vec2i(0), vec2i(k.w - 1)),
    select(vec4f(), vec4f(1), (low >= vec4i(0)) & (low < vec4i(k.w))),
    select(vec2f(), vec2f(1), (high >= vec2i(0)) & (high < vec2i(k.w))),
  );
  let y = p - k.top;
  let across = 1.0 / inside3(q - k.left, k.w);
  var r0 = rowSums(plane, y, k.h, k.w, columns);
  var r1 = rowSums(plane, y + 1, k.h, k.w, columns);
  for (var i = 0; i < DENSE_ROWS && p + i < k.oh; i++) {
    let r2 = rowSums(plane, y + i + 2, k.h, k.w, columns);
    let inside = max(1, min(y + i + 3, k.h) - max(y + i, 0));
    storeRow((r0 + r1 + r2) * across / f32(inside), plane, p + i, q, k.oh, k.ow);
    r0 = r1;
    r1 = r2;
  }
}

// The same tile over pixels: a pixel is in the three windows that end at it or at one of its two neighbours.
//#include "shared/signed-invocation.wgsl" with ENTRY = dense3Gradient, ID = id, END = k.size
  let column = id % k.blocksX * 4;
  let row = (id / k.blocksX) % k.blocksY * 4;
  let plane = id / (k.blocksX * k.blocksY);
  let q = column + k.left - 2;
  let p = row + k.top - 2;
  let low = vec4i(q) + vec4i(0, 1, 2, 3);
  let high = low.zw + 2;
  let columns = Columns(
    clamp(low, vec4i(0), vec4i(k.ow - 1)),
    clamp(high, vec2i(0), vec2i(k.ow - 1)),
    select(vec4f(), 1.0 / inside3(q - k.left, k.w), (low >= vec4i(0)) & (low < vec4i(k.ow))),
    select(vec2f(), 1.0 / inside3(q + 4 - k.left, k.w).xy, (high >= vec2i(0)) & (high < vec2i(k.ow))),
  );
  let down = 1.0 / inside3(p - k.top, k.h);
  let down4 = 1.0 / inside3(p + 4 - k.top, k.h);
  let r0 = rowSums(plane, p, k.oh, k.ow, columns) * down.x;
  let r1 = rowSums(plane, p + 1, k.oh, k.ow, columns) * down.y;
  let r2 = rowSums(plane, p + 2, k.oh, k.ow, columns) * down.z;
  let r3 = rowSums(plane, p + 3, k.oh, k.ow, columns) * down.w;
  let r4 = rowSums(plane, p + 4, k.oh, k.ow, columns) * down4.x;
  let r5 = rowSums(plane, p + 5, k.oh, k.ow, columns) * down4.y;
  storeRow(r0 + r1 + r2, plane, row, column, k.h, k.w);
  storeRow(r1 + r2 + r3, plane, row + 1, column, k.h, k.w);
  storeRow(r2 + r3 + r4, plane, row + 2, column, k.h, k.w);
  storeRow(r3 + r4 + r5, plane, row + 3, column, k.h, k.w);
}

//#include "shared/signed-invocation.wgsl" with ENTRY = general, ID = id, END = k.size
  let q = id % k.ow;
  let p = (id / k.ow) % k.blocksY * 4;
  let plane = id / (k.ow * k.blocksY);
  let base = plane * k.h * k.w;
  var sum = vec4f();
  var count = vec4f();
  for (var i = 0; i < windowY(); i++) {
    let row = (p + vec4i(0, 1, 2, 3)) * strideY() - k.top + i * dilationY();
    let valid = (row >= vec4i(0)) & (row < vec4i(k.h));
    let start = clamp(row, vec4i(0), vec4i(k.h - 1)) * k.w;
    for (var j = 0; j < windowX(); j++) {
      let column = q * strideX() - k.left + j * dilationX();
      let inside = valid & vec4<bool>(column >= 0 && column < k.w);
      let c = base + clamp(column, 0, k.w - 1);
      sum += select(vec4f(), vec4f(x(c + start.x), x(c + start.y), x(c + start.z), x(c + start.w)), inside);
      count += select(vec4f(), vec4f(1), inside);
    }
  }
  store(sum / count, plane, p, q, k.oh, k.ow);
}

//#include "shared/signed-invocation.wgsl" with ENTRY = generalGradient, ID = id, END = k.size
  let column = id % k.w;
  let row = (id / k.w) % k.blocksY * 4;
  let plane = id / (k.w * k.blocksY);
  let base = plane * k.oh * k.ow;
  let lastP = (row + vec4i(0, 1, 2, 3) + k.top) / strideY();
  let lastQ = (column + k.left) / strideX();
  var sum = vec4f();
  for (var i = 0; i * strideY() <= (windowY() - 1) * dilationY(); i++) {
    let p = lastP - i;
    // The pixel is at this distance start the window's first tap; it is one of the window's if that is a multiple of dy.
    let distance = row + vec4i(0, 1, 2, 3) + k.top - p * strideY();
    let valid = (p >= vec4i(0)) & (p < vec4i(k.oh)) & (distance <= vec4i((windowY() - 1) * dilationY())) & (distance % dilationY() == vec4i(0));
    let start = clamp(p, vec4i(0), vec4i(k.oh - 1)) * k.ow;
    let rows = countInside(p * strideY() - k.top, dilationY(), windowY(), k.h);
    for (var j = 0; j * strideX() <= (windowX() - 1) * dilationX(); j++) {
      let q = lastQ - j;
      let across = column + k.left - q * strideX();
      let inside = valid & vec4<bool>(q >= 0 && q < k.ow && across <= (windowX() - 1) * dilationX() && across % dilationX() == 0);
      let c = base + clamp(q, 0, k.ow - 1);
      let count = max(vec4f(1), rows * countInside(vec4i(q * strideX() - k.left), dilationX(), windowX(), k.w));
      sum += select(vec4f(), vec4f(x(c + start.x), x(c + start.y), x(c + start.z), x(c + start.w)) / count, inside);
    }
  }
  store(sum, plane, row, column, k.h, k.w);
}
