// Mean of each window over its pixels inside the image (count_include_pad = false), plane by plane, and its adjoint.
//   y[p, q]  = 1 / count(p, q) sum over i, j of x[p sy - top + i dy, q sx - left + j dx]
//   gx[y, x] = sum over the windows (p, q) that hold pixel (y, x) of g[p, q] / count(p, q)
// x, gx [planes, h, w]; y, g [planes, oh, ow]. Each lane takes four rows of one column; `dense3` and `dense3Gradient` are the
// 3x3 window of stride and dilation 1, whose rows share loads. Tested by test/shared/fused.test.ts.
struct Geometry {
  h: i32, w: i32, oh: i32, ow: i32,
  kh: i32, kw: i32, sy: i32, sx: i32,
  top: i32, left: i32, dy: i32, dx: i32,
  blocks: i32, size: i32,
}

@group(0) @binding(0) var<uniform> k: Geometry;
@group(0) @binding(1) var<storage, read> source: array<f32>;
@group(0) @binding(2) var<storage, read_write> destination: array<f32>;

fn store(value: vec4f, plane: i32, row: i32, column: i32, height: i32, width: i32) {
  let to = (plane * height + row) * width + column;
  destination[to] = value.x;
  if (row + 1 < height) { destination[to + width] = value.y; }
  if (row + 2 < height) { destination[to + 2 * width] = value.z; }
  if (row + 3 < height) { destination[to + 3 * width] = value.w; }
}

// How many of the taps origin, origin + step, ... (taps of them) lie in [0, size).
fn taps(origin: vec4i, step: i32, taps: i32, size: i32) -> vec4f {
  let first = max(vec4i(0), (step - 1 - origin) / step);
  let end = min(vec4i(taps), (size - 1 - origin) / step + 1);
  return vec4f(max(vec4i(0), end - select(vec4i(0), first, origin < vec4i(0))));
}

@compute @workgroup_size(64)
fn dense3(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let id = i32((group.y * groups.x + group.x) * 64u + lane);
  if (id >= k.size) { return; }
  let q = id % k.ow;
  let p = (id / k.ow) % k.blocks * 4;
  let plane = id / (k.ow * k.blocks);
  let base = plane * k.h * k.w;
  let low = vec4i(p - k.top) + vec4i(0, 1, 2, 3);
  let high = low.zw + 2;
  let lowInside = select(vec4f(), vec4f(1), (low >= vec4i(0)) & (low < vec4i(k.h)));
  let highInside = select(vec2f(), vec2f(1), (high >= vec2i(0)) & (high < vec2i(k.h)));
  let lowRow = clamp(low, vec4i(0), vec4i(k.h - 1)) * k.w;
  let highRow = clamp(high, vec2i(0), vec2i(k.h - 1)) * k.w;
  var sum = vec4f();
  var upper = vec2f();
  var columns = 0.0;
  for (var j = 0; j < 3; j++) {
    let column = q - k.left + j;
    let inside = column >= 0 && column < k.w;
    let c = base + clamp(column, 0, k.w - 1);
    columns += select(0.0, 1.0, inside);
    sum += select(vec4f(), vec4f(x(c + lowRow.x), x(c + lowRow.y), x(c + lowRow.z), x(c + lowRow.w)), inside);
    upper += select(vec2f(), vec2f(x(c + highRow.x), x(c + highRow.y)), inside);
  }
  sum = select(vec4f(), sum, lowInside > vec4f());
  upper = select(vec2f(), upper, highInside > vec2f());
  let total = sum + vec4f(sum.yzw, upper.x) + vec4f(sum.zw, upper);
  let rows = lowInside + vec4f(lowInside.yzw, highInside.x) + vec4f(lowInside.zw, highInside);
  store(total / (rows * columns), plane, p, q, k.oh, k.ow);
}

fn x(at: i32) -> f32 { return source[at]; }

@compute @workgroup_size(64)
fn general(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let id = i32((group.y * groups.x + group.x) * 64u + lane);
  if (id >= k.size) { return; }
  let q = id % k.ow;
  let p = (id / k.ow) % k.blocks * 4;
  let plane = id / (k.ow * k.blocks);
  let base = plane * k.h * k.w;
  var sum = vec4f();
  var count = vec4f();
  for (var i = 0; i < k.kh; i++) {
    let row = (p + vec4i(0, 1, 2, 3)) * k.sy - k.top + i * k.dy;
    let valid = (row >= vec4i(0)) & (row < vec4i(k.h));
    let start = clamp(row, vec4i(0), vec4i(k.h - 1)) * k.w;
    for (var j = 0; j < k.kw; j++) {
      let column = q * k.sx - k.left + j * k.dx;
      let inside = valid & vec4<bool>(column >= 0 && column < k.w);
      let c = base + clamp(column, 0, k.w - 1);
      sum += select(vec4f(), vec4f(x(c + start.x), x(c + start.y), x(c + start.z), x(c + start.w)), inside);
      count += select(vec4f(), vec4f(1), inside);
    }
  }
  store(sum / count, plane, p, q, k.oh, k.ow);
}

@compute @workgroup_size(64)
fn dense3Gradient(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let id = i32((group.y * groups.x + group.x) * 64u + lane);
  if (id >= k.size) { return; }
  let column = id % k.w;
  let row = (id / k.w) % k.blocks * 4;
  let plane = id / (k.w * k.blocks);
  let base = plane * k.oh * k.ow;
  let low = vec4i(row + k.top - 2) + vec4i(0, 1, 2, 3);
  let high = vec4i(low.zw + 2, 0, 0);
  let lowValid = (low >= vec4i(0)) & (low < vec4i(k.oh));
  let highValid = (high.xy >= vec2i(0)) & (high.xy < vec2i(k.oh));
  let lowRow = clamp(low, vec4i(0), vec4i(k.oh - 1)) * k.ow;
  let highRow = clamp(high.xy, vec2i(0), vec2i(k.oh - 1)) * k.ow;
  let lowShare = select(vec4f(), 1.0 / max(vec4f(1), taps(low - k.top, 1, 3, k.h)), lowValid);
  let highShare = select(vec2f(), 1.0 / max(vec2f(1), taps(high - k.top, 1, 3, k.h).xy), highValid);
  var sum = vec4f();
  var upper = vec2f();
  for (var j = 0; j < 3; j++) {
    let q = column + k.left - j;
    let inside = q >= 0 && q < k.ow;
    let share = select(0.0, 1.0 / max(1.0, taps(vec4i(q - k.left), 1, 3, k.w).x), inside);
    let c = base + clamp(q, 0, k.ow - 1);
    sum += share * vec4f(x(c + lowRow.x), x(c + lowRow.y), x(c + lowRow.z), x(c + lowRow.w));
    upper += share * vec2f(x(c + highRow.x), x(c + highRow.y));
  }
  sum *= lowShare;
  upper *= highShare;
  store(sum + vec4f(sum.yzw, upper.x) + vec4f(sum.zw, upper), plane, row, column, k.h, k.w);
}

@compute @workgroup_size(64)
fn generalGradient(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let id = i32((group.y * groups.x + group.x) * 64u + lane);
  if (id >= k.size) { return; }
  let column = id % k.w;
  let row = (id / k.w) % k.blocks * 4;
  let plane = id / (k.w * k.blocks);
  let base = plane * k.oh * k.ow;
  let lastP = (row + vec4i(0, 1, 2, 3) + k.top) / k.sy;
  let lastQ = (column + k.left) / k.sx;
  var sum = vec4f();
  for (var i = 0; i * k.sy <= (k.kh - 1) * k.dy; i++) {
    let p = lastP - i;
    // The pixel is at this distance start the window's first tap; it is one of the window's if that is a multiple of dy.
    let distance = row + vec4i(0, 1, 2, 3) + k.top - p * k.sy;
    let valid = (p >= vec4i(0)) & (p < vec4i(k.oh)) & (distance <= vec4i((k.kh - 1) * k.dy)) & (distance % k.dy == vec4i(0));
    let start = clamp(p, vec4i(0), vec4i(k.oh - 1)) * k.ow;
    let rows = taps(p * k.sy - k.top, k.dy, k.kh, k.h);
    for (var j = 0; j * k.sx <= (k.kw - 1) * k.dx; j++) {
      let q = lastQ - j;
      let across = column + k.left - q * k.sx;
      let inside = valid & vec4<bool>(q >= 0 && q < k.ow && across <= (k.kw - 1) * k.dx && across % k.dx == 0);
      let c = base + clamp(q, 0, k.ow - 1);
      let count = max(vec4f(1), rows * taps(vec4i(q * k.sx - k.left), k.dx, k.kw, k.w));
      sum += select(vec4f(), vec4f(x(c + start.x), x(c + start.y), x(c + start.z), x(c + start.w)) / count, inside);
    }
  }
  store(sum, plane, row, column, k.h, k.w);
}
