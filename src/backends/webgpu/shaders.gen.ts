// Made by scripts/shaders.mjs from shaders/*.wgsl. Do not edit.

/** shaders/adam.wgsl */
export const adam: string = /* wgsl */ `// Adam in place (Kingma and Ba, 2015), weight decay added to the gradient, one invocation an element:
//   g = gradient * scale + decay * parameter;  first = b1 first + (1 - b1) g;  second = b2 second + (1 - b2) g^2
//   parameter -= rate * (first / c1) / (sqrt(second / c2) + eps),  c1 = 1 - b1^t, c2 = 1 - b2^t
// gradient, parameter, first, second: [n]; hyper: [8] = rate, b1, b2, eps, decay, c1, c2, scale.
// Tested by test/core/ops.devices.test.ts.
struct Params { n: u32 }

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> gradient: array<f32>;
@group(0) @binding(2) var<storage, read> hyper: array<f32>;
@group(0) @binding(3) var<storage, read_write> parameter: array<f32>;
@group(0) @binding(4) var<storage, read_write> first: array<f32>;
@group(0) @binding(5) var<storage, read_write> second: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * 64u + lane;
  if (i >= p.n) { return; }
  let rate = hyper[0];
  let b1 = hyper[1];
  let b2 = hyper[2];
  let old = parameter[i];
  let g = gradient[i] * hyper[7] + hyper[4] * old;
  let m = b1 * first[i] + (1.0 - b1) * g;
  let v = b2 * second[i] + (1.0 - b2) * g * g;
  first[i] = m;
  second[i] = v;
  parameter[i] = old - rate * (m / hyper[5]) / (sqrt(v / hyper[6]) + hyper[3]);
}
`;

/** shaders/add_all.wgsl */
export const addAll: string = /* wgsl */ `// y[i] = x0[i] + x1[i] + ..., COUNT terms (2 to 7) added from the left, four elements an invocation: one dispatch where a chain of
// additions would take several. x, y: [n], read as vec4; the last vec4 is written element by element, since a view may end inside it.
// Unused inputs are bound to a tensor in use and not read. Tested by test/core/ops.devices.test.ts.
struct Params { n: u32 }

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x0: array<vec4f>;
@group(0) @binding(2) var<storage, read> x1: array<vec4f>;
@group(0) @binding(3) var<storage, read> x2: array<vec4f>;
@group(0) @binding(4) var<storage, read> x3: array<vec4f>;
@group(0) @binding(5) var<storage, read> x4: array<vec4f>;
@group(0) @binding(6) var<storage, read> x5: array<vec4f>;
@group(0) @binding(7) var<storage, read> x6: array<vec4f>;
@group(0) @binding(8) var<storage, read_write> y: array<vec4f>;

override COUNT: u32 = 7;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * 64u + lane;
  let at = i * 4u;
  if (at >= p.n) { return; }
  var sum = x0[i] + x1[i];
  if (COUNT > 2u) { sum += x2[i]; }
  if (COUNT > 3u) { sum += x3[i]; }
  if (COUNT > 4u) { sum += x4[i]; }
  if (COUNT > 5u) { sum += x5[i]; }
  if (COUNT > 6u) { sum += x6[i]; }
  if (at + 4u <= p.n) {
    y[i] = sum;
    return;
  }
  y[i].x = sum.x;
  if (at + 1u < p.n) { y[i].y = sum.y; }
  if (at + 2u < p.n) { y[i].z = sum.z; }
}
`;

/** shaders/avg_pool.wgsl */
export const avgPool: string = /* wgsl */ `// Mean of each window over its pixels inside the image (count_include_pad = false), plane by plane, and its adjoint.
//   y[p, q]  = 1 / count(p, q) sum over i, j of x[p sy - top + i dy, q sx - left + j dx]
//   gx[y, x] = sum over the windows (p, q) that hold pixel (y, x) of g[p, q] / count(p, q)
// x, gx [planes, h, w]; y, g [planes, oh, ow]. \`dense3\` and \`dense3Gradient\` are the 3x3 window of stride and dilation 1: a lane
// takes four columns of DENSE_ROWS windows, or 4x4 pixels. \`general\` and \`generalGradient\` are every other geometry: a lane takes four rows
// of one column. Tested by test/core/fused.devices.test.ts.
struct Geometry {
  h: i32, w: i32, oh: i32, ow: i32,
  kh: i32, kw: i32, sy: i32, sx: i32,
  top: i32, left: i32, dy: i32, dx: i32,
  // Lanes along the height and the width of a plane, and in all.
  blocksY: i32, blocksX: i32, size: i32,
}

@group(0) @binding(0) var<uniform> k: Geometry;

// The commonest windows are square, without dilation: as constants they turn divisions into shifts and loops into straight code. 0: the
// uniforms say.
override WINDOW: i32 = 0;
override STRIDE: i32 = 0;

// Rows that a lane of \`dense3\` takes.
override DENSE_ROWS: i32 = 4;

fn windowY() -> i32 { return select(k.kh, WINDOW, WINDOW > 0); }
fn windowX() -> i32 { return select(k.kw, WINDOW, WINDOW > 0); }
fn strideY() -> i32 { return select(k.sy, STRIDE, WINDOW > 0); }
fn strideX() -> i32 { return select(k.sx, STRIDE, WINDOW > 0); }
fn dilationY() -> i32 { return select(k.dy, 1, WINDOW > 0); }
fn dilationX() -> i32 { return select(k.dx, 1, WINDOW > 0); }

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

fn x(at: i32) -> f32 { return source[at]; }

// The columns a tile reads, six from \`first\`, and what each is multiplied by.
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

// The four windows from \`first\` on that three taps make along an axis of \`size\` pixels: how many taps are inside.
fn inside3(first: i32, size: i32) -> vec4f {
  let low = max(vec4i(first) + vec4i(0, 1, 2, 3), vec4i(0));
  let end = min(vec4i(first) + vec4i(3, 4, 5, 6), vec4i(size));
  return vec4f(max(vec4i(1), end - low));
}

@compute @workgroup_size(64)
fn dense3(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let id = i32((group.y * groups.x + group.x) * 64u + lane);
  if (id >= k.size) { return; }
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
    let taps = max(1, min(y + i + 3, k.h) - max(y + i, 0));
    storeRow((r0 + r1 + r2) * across / f32(taps), plane, p + i, q, k.oh, k.ow);
    r0 = r1;
    r1 = r2;
  }
}

// The same tile over pixels: a pixel is in the three windows that end at it or at one of its two neighbours.
@compute @workgroup_size(64)
fn dense3Gradient(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let id = i32((group.y * groups.x + group.x) * 64u + lane);
  if (id >= k.size) { return; }
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

@compute @workgroup_size(64)
fn general(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let id = i32((group.y * groups.x + group.x) * 64u + lane);
  if (id >= k.size) { return; }
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

@compute @workgroup_size(64)
fn generalGradient(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let id = i32((group.y * groups.x + group.x) * 64u + lane);
  if (id >= k.size) { return; }
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
    let rows = taps(p * strideY() - k.top, dilationY(), windowY(), k.h);
    for (var j = 0; j * strideX() <= (windowX() - 1) * dilationX(); j++) {
      let q = lastQ - j;
      let across = column + k.left - q * strideX();
      let inside = valid & vec4<bool>(q >= 0 && q < k.ow && across <= (windowX() - 1) * dilationX() && across % dilationX() == 0);
      let c = base + clamp(q, 0, k.ow - 1);
      let count = max(vec4f(1), rows * taps(vec4i(q * strideX() - k.left), dilationX(), windowX(), k.w));
      sum += select(vec4f(), vec4f(x(c + start.x), x(c + start.y), x(c + start.z), x(c + start.w)) / count, inside);
    }
  }
  store(sum, plane, row, column, k.h, k.w);
}
`;

/** shaders/batch_norm_apply.wgsl */
export const batchNormApply: string = /* wgsl */ `// y = (x - coefficient 0) * coefficient 1 + coefficient 2 with the channel's coefficients [3, c]; x [n, c, h, w].
// Lanes walk a channel as in batch_norm_statistics.wgsl. Tested by test/core/fused.devices.test.ts.
struct Channels {
  c: u32, plane: u32, count: u32, lanes: u32,
  stepPlanes: u32, stepOffset: u32,
}

@group(0) @binding(0) var<uniform> k: Channels;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> coefficients: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let lane = group.x * 64u + local;
  let channel = group.y;
  let centre = coefficients[channel];
  let gain = coefficients[k.c + channel];
  let shift = coefficients[2u * k.c + channel];
  var offset = lane % k.plane;
  var base = (lane / k.plane * k.c + channel) * k.plane;
  for (var i = lane; i < k.count; i += k.lanes) {
    y[base + offset] = (x[base + offset] - centre) * gain + shift;
    offset += k.stepOffset;
    base += k.stepPlanes * k.c * k.plane;
    if (offset >= k.plane) {
      offset -= k.plane;
      base += k.c * k.plane;
    }
  }
}
`;

/** shaders/batch_norm_channel.wgsl */
export const batchNormChannel: string = /* wgsl */ `// Batch norm of x [n, c, h, w] with one workgroup a channel: statistics and application in one dispatch, and the same for the
// gradients. For processors, where few long workgroups are cheap and every dispatch costs; a large image on a GPU goes by
// batch_norm_statistics.wgsl and its companions, in many workgroups.
//   forward   y = (x - mean) weight / sqrt(var + eps) + bias, statistics [2, c] (mean, biased variance)
//   backward  with z = (x - mean) / sqrt(var + eps) and m values a channel: dbias = sum g, dweight = sum g z,
//             dx = weight / sqrt(var + eps) (g - dbias / m - z dweight / m)
// A lane walks its share of every image's plane; plane by plane it takes sums of x less its mean so far, which is near them, and
// merges them (Chan et al. 1983), so that a mean that is large beside the spread does no harm. Lanes are merged in order.
// Tested by test/core/fused.devices.test.ts.
struct Channels { n: u32, c: u32, plane: u32, eps: f32 }

override LANES: u32 = 64;

@group(0) @binding(0) var<uniform> k: Channels;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;
@group(0) @binding(5) var<storage, read_write> statistics: array<f32>;

// A lane's number of values, their mean, and sum (x - mean)^2.
var<workgroup> moments: array<vec3f, LANES>;

fn momentsOf(base: u32, lane: u32) -> vec3f {
  if (lane >= k.plane) { return vec3f(); }
  let block = f32((k.plane - lane - 1u) / LANES + 1u);
  var number = 0.0;
  var mean = x[base + lane];
  var m2 = 0.0;
  for (var i = 0u; i < k.n; i++) {
    let start = base + i * k.c * k.plane;
    var sum = 0.0;
    var squares = 0.0;
    for (var p = lane; p < k.plane; p += LANES) {
      let d = x[start + p] - mean;
      sum += d;
      squares += d * d;
    }
    let apart = sum / block;
    let total = number + block;
    m2 += max(squares - sum * apart, 0.0) + apart * apart * (number * block / total);
    mean += sum / total;
    number = total;
  }
  return vec3f(number, mean, m2);
}

@compute @workgroup_size(LANES)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let channel = group.x;
  let base = channel * k.plane;
  moments[lane] = momentsOf(base, lane);
  workgroupBarrier();
  let count = f32(k.n * k.plane);
  let origin = moments[0].y;
  var shift = 0.0;
  for (var i = 1u; i < LANES; i++) { shift += moments[i].x * (moments[i].y - origin); }
  let mean = origin + shift / count;
  var m2 = 0.0;
  for (var i = 0u; i < LANES; i++) {
    let apart = moments[i].y - mean;
    m2 += moments[i].z + moments[i].x * apart * apart;
  }
  let variance = m2 / count;
  if (lane == 0u) {
    statistics[channel] = mean;
    statistics[k.c + channel] = variance;
  }
  let gain = weight[channel] / sqrt(variance + k.eps);
  let offset = bias[channel];
  for (var i = 0u; i < k.n; i++) {
    let start = base + i * k.c * k.plane;
    for (var p = lane; p < k.plane; p += LANES) { y[start + p] = (x[start + p] - mean) * gain + offset; }
  }
}

@group(0) @binding(2) var<storage, read> g: array<f32>;
@group(0) @binding(3) var<storage, read> known: array<f32>;
@group(0) @binding(4) var<storage, read> scales: array<f32>;
@group(0) @binding(5) var<storage, read_write> dx: array<f32>;
@group(0) @binding(6) var<storage, read_write> dweight: array<f32>;
@group(0) @binding(7) var<storage, read_write> dbias: array<f32>;

// A lane's sum g and sum g z.
var<workgroup> sums: array<vec2f, LANES>;

@compute @workgroup_size(LANES)
fn backward(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let channel = group.x;
  let base = channel * k.plane;
  let mean = known[channel];
  let scale = 1.0 / sqrt(known[k.c + channel] + k.eps);
  var mine = vec2f();
  for (var i = 0u; i < k.n; i++) {
    let start = base + i * k.c * k.plane;
    var sum = 0.0;
    var product = 0.0;
    for (var p = lane; p < k.plane; p += LANES) {
      let value = g[start + p];
      sum += value;
      product += value * ((x[start + p] - mean) * scale);
    }
    mine += vec2f(sum, product);
  }
  sums[lane] = mine;
  workgroupBarrier();
  var all = vec2f();
  for (var i = 0u; i < LANES; i++) { all += sums[i]; }
  if (lane == 0u) {
    dbias[channel] = all.x;
    dweight[channel] = all.y;
  }
  let gain = scale * scales[channel];
  let means = all / f32(k.n * k.plane);
  for (var i = 0u; i < k.n; i++) {
    let start = base + i * k.c * k.plane;
    for (var p = lane; p < k.plane; p += LANES) {
      let z = (x[start + p] - mean) * scale;
      dx[start + p] = gain * (g[start + p] - means.x - z * means.y);
    }
  }
}
`;

/** shaders/batch_norm_gradient.wgsl */
export const batchNormGradient: string = /* wgsl */ `// With z = (x - mean) / sqrt(var + eps), m values a channel and y = weight z + bias:
//   dbias = sum g, dweight = sum g z, dx = weight / sqrt(var + eps) (g - dbias / m - z dweight / m).
// \`partial\` sums g and g z by lane, \`finalise\` adds the lanes in order and writes the channel's coefficients [5, c]
// (mean, 1 / sqrt(var + eps), weight / sqrt(var + eps), dbias / m, dweight / m) and dweight [c], dbias [c]; \`apply\` writes dx.
// Lanes walk a channel as in batch_norm_statistics.wgsl. Tested by test/core/fused.devices.test.ts.
struct Channels {
  c: u32, plane: u32, count: u32, lanes: u32,
  stepPlanes: u32, stepOffset: u32, eps: f32,
}

@group(0) @binding(0) var<uniform> k: Channels;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> g: array<f32>;
@group(0) @binding(3) var<storage, read> statistics: array<f32>;
@group(0) @binding(4) var<storage, read_write> partials: array<f32>;

@compute @workgroup_size(64)
fn partial(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let lane = group.x * 64u + local;
  let channel = group.y;
  let mean = statistics[channel];
  let scale = 1.0 / sqrt(statistics[k.c + channel] + k.eps);
  var offset = lane % k.plane;
  var base = (lane / k.plane * k.c + channel) * k.plane;
  var sum = 0.0;
  var product = 0.0;
  for (var i = lane; i < k.count; i += k.lanes) {
    let value = g[base + offset];
    sum += value;
    product += value * ((x[base + offset] - mean) * scale);
    offset += k.stepOffset;
    base += k.stepPlanes * k.c * k.plane;
    if (offset >= k.plane) {
      offset -= k.plane;
      base += k.c * k.plane;
    }
  }
  partials[channel * k.lanes + lane] = sum;
  partials[(k.c + channel) * k.lanes + lane] = product;
}

@group(0) @binding(1) var<storage, read> lanePartials: array<f32>;
@group(0) @binding(2) var<storage, read> moments: array<f32>;
@group(0) @binding(3) var<storage, read> weight: array<f32>;
@group(0) @binding(4) var<storage, read_write> coefficients: array<f32>;
@group(0) @binding(5) var<storage, read_write> dweight: array<f32>;
@group(0) @binding(6) var<storage, read_write> dbias: array<f32>;

@compute @workgroup_size(8)
fn finalise(@builtin(global_invocation_id) id: vec3u) {
  let channel = id.x;
  if (channel >= k.c) { return; }
  var sum = 0.0;
  var product = 0.0;
  for (var i = 0u; i < k.lanes; i++) {
    sum += lanePartials[channel * k.lanes + i];
    product += lanePartials[(k.c + channel) * k.lanes + i];
  }
  let scale = 1.0 / sqrt(moments[k.c + channel] + k.eps);
  coefficients[channel] = moments[channel];
  coefficients[k.c + channel] = scale;
  coefficients[2u * k.c + channel] = scale * weight[channel];
  coefficients[3u * k.c + channel] = sum / f32(k.count);
  coefficients[4u * k.c + channel] = product / f32(k.count);
  dweight[channel] = product;
  dbias[channel] = sum;
}

@group(0) @binding(3) var<storage, read> applied: array<f32>;
@group(0) @binding(4) var<storage, read_write> dx: array<f32>;

@compute @workgroup_size(64)
fn apply(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let lane = group.x * 64u + local;
  let channel = group.y;
  let mean = applied[channel];
  let scale = applied[k.c + channel];
  let gain = applied[2u * k.c + channel];
  let meanG = applied[3u * k.c + channel];
  let meanProduct = applied[4u * k.c + channel];
  var offset = lane % k.plane;
  var base = (lane / k.plane * k.c + channel) * k.plane;
  for (var i = lane; i < k.count; i += k.lanes) {
    let z = (x[base + offset] - mean) * scale;
    dx[base + offset] = gain * (g[base + offset] - meanG - z * meanProduct);
    offset += k.stepOffset;
    base += k.stepPlanes * k.c * k.plane;
    if (offset >= k.plane) {
      offset -= k.plane;
      base += k.c * k.plane;
    }
  }
}
`;

/** shaders/batch_norm_running.wgsl */
export const batchNormRunning: string = /* wgsl */ `// running := (1 - momentum) running + momentum batch, in place, both [2, c]: row 0 the mean as it is, row 1 the variance made unbiased by
// its own rate. One invocation an element. Tested by test/core/fused.devices.test.ts.
struct Params { c: u32, keep: f32, meanRate: f32, varianceRate: f32 }

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> batch: array<f32>;
@group(0) @binding(2) var<storage, read_write> running: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = group.x * 64u + lane;
  if (i >= 2u * p.c) { return; }
  running[i] = p.keep * running[i] + select(p.varianceRate, p.meanRate, i < p.c) * batch[i];
}
`;

/** shaders/batch_norm_statistics.wgsl */
export const batchNormStatistics: string = /* wgsl */ `// Mean and biased variance of each channel of x [n, c, h, w] over n, h and w.
// \`partial\`: each lane walks its share of a channel and keeps mean_i and m2_i = sum (x - mean_i)^2 by Welford's update.
// \`finalise\`: a lane a channel merges them in order: mean = sum n_i mean_i / m, m2 = sum m2_i + n_i (mean_i - mean)^2; two
//   passes over the partials, so that a mean that is large beside the spread does no harm. Writes statistics [2, c] and
//   coefficients [3, c] (mean, weight / sqrt(var + eps), bias): y = (x - coefficient 0) * coefficient 1 + coefficient 2.
// Tested by test/core/fused.devices.test.ts.
struct Channels {
  c: u32, plane: u32, count: u32, lanes: u32,
  // A lane's next element is \`lanes\` further on: stepPlanes whole planes and stepOffset elements.
  stepPlanes: u32, stepOffset: u32, eps: f32,
}

@group(0) @binding(0) var<uniform> k: Channels;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> partials: array<f32>;

// The elements of lane i: i, i + lanes, i + 2 lanes, ...
fn share(lane: u32) -> u32 {
  return select(0u, (k.count - lane + k.lanes - 1u) / k.lanes, lane < k.count);
}

@compute @workgroup_size(64)
fn partial(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let lane = group.x * 64u + local;
  let channel = group.y;
  let number = share(lane);
  var offset = lane % k.plane;
  var base = (lane / k.plane * k.c + channel) * k.plane;
  var mean = 0.0;
  var m2 = 0.0;
  for (var i = 0u; i < number; i++) {
    let value = x[base + offset];
    let delta = value - mean;
    mean += delta / f32(i + 1u);
    m2 += delta * (value - mean);
    offset += k.stepOffset;
    base += k.stepPlanes * k.c * k.plane;
    if (offset >= k.plane) {
      offset -= k.plane;
      base += k.c * k.plane;
    }
  }
  partials[channel * k.lanes + lane] = mean;
  partials[(k.c + channel) * k.lanes + lane] = m2;
}

@group(0) @binding(1) var<storage, read> lanePartials: array<f32>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> statistics: array<f32>;
@group(0) @binding(5) var<storage, read_write> coefficients: array<f32>;

fn merge(channel: u32) -> vec2f {
  // Beside the first lane's mean the others are small numbers, which add up more exactly.
  let origin = lanePartials[channel * k.lanes];
  var total = 0.0;
  for (var i = 1u; i < k.lanes; i++) { total += f32(share(i)) * (lanePartials[channel * k.lanes + i] - origin); }
  let mean = origin + total / f32(k.count);
  var m2 = 0.0;
  for (var i = 0u; i < k.lanes; i++) {
    let delta = lanePartials[channel * k.lanes + i] - mean;
    m2 += lanePartials[(k.c + channel) * k.lanes + i] + f32(share(i)) * delta * delta;
  }
  return vec2f(mean, m2 / f32(k.count));
}

@compute @workgroup_size(8)
fn finalise(@builtin(global_invocation_id) id: vec3u) {
  let channel = id.x;
  if (channel >= k.c) { return; }
  let moments = merge(channel);
  statistics[channel] = moments.x;
  statistics[k.c + channel] = moments.y;
  coefficients[channel] = moments.x;
  coefficients[k.c + channel] = weight[channel] / sqrt(moments.y + k.eps);
  coefficients[2u * k.c + channel] = bias[channel];
}
`;

/** shaders/binary.wgsl */
export const binary: string = /* wgsl */ `// y[i] = f(a[i], b[i]), four elements an invocation, where the operands have the output's shape or are scalars.
// OP says which f (the order of \`binaryOperations\` in src/backends/webgpu/kernels/elementwise.ts); A_SCALAR and B_SCALAR which operand repeats.
// a, b, y: [n] or [1], read as vec4; the last vec4 is written element by element, since a view may end inside it.
// Tested by test/core/ops.devices.test.ts.
struct Params { n: u32 }

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> a: array<vec4f>;
@group(0) @binding(2) var<storage, read> b: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4f>;

override OP: u32 = 0;
override A_SCALAR: bool = false;
override B_SCALAR: bool = false;

fn apply(u: vec4f, v: vec4f) -> vec4f {
  switch OP {
    case 0 { return u + v; }
    case 1 { return u - v; }
    case 2 { return u * v; }
    case 3 { return u / v; }
    case 4 { return max(u, v); }
    default { return select(vec4f(0.0), vec4f(1.0), u > v); }
  }
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * 64u + lane;
  let at = i * 4u;
  if (at >= p.n) { return; }
  var u: vec4f;
  var v: vec4f;
  if (A_SCALAR) { u = vec4f(a[0].x); } else { u = a[i]; }
  if (B_SCALAR) { v = vec4f(b[0].x); } else { v = b[i]; }
  let w = apply(u, v);
  if (at + 4u <= p.n) {
    y[i] = w;
    return;
  }
  y[i].x = w.x;
  if (at + 1u < p.n) { y[i].y = w.y; }
  if (at + 2u < p.n) { y[i].z = w.z; }
}
`;

/** shaders/binary_broadcast.wgsl */
export const binaryBroadcast: string = /* wgsl */ `// y[i] = f(a[..], b[..]) for operands that broadcast: at most eight axes, each operand with a stride an axis (0 where it repeats).
// y is dense over \`sizes\` (outermost first, ones in front). OP as in binary.wgsl.
// Invocations take every \`chunks\`-th element of a row, so that the divisions that find the row are shared by several elements
// and neighbours still touch neighbours.
// Tested by test/core/ops.devices.test.ts.
struct Params {
  sizes: array<vec4u, 2>,
  aStrides: array<vec4u, 2>,
  bStrides: array<vec4u, 2>,
  invocations: u32,
  chunks: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

override OP: u32 = 0;
// How many axes are in use, counted from the innermost.
override AXES: u32 = 8;

fn apply(u: f32, v: f32) -> f32 {
  switch OP {
    case 0 { return u + v; }
    case 1 { return u - v; }
    case 2 { return u * v; }
    case 3 { return u / v; }
    case 4 { return max(u, v); }
    default { return select(0.0, 1.0, u > v); }
  }
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let id = (group.y * groups.x + group.x) * 64u + lane;
  if (id >= p.invocations) { return; }
  let inner = p.sizes[1][3];
  let row = id / p.chunks;
  var rest = row;
  var ia = 0u;
  var ib = 0u;
  for (var k = 1u; k < AXES; k++) {
    let axis = 7u - k;
    let size = p.sizes[axis / 4u][axis % 4u];
    let index = rest % size;
    rest /= size;
    ia += index * p.aStrides[axis / 4u][axis % 4u];
    ib += index * p.bStrides[axis / 4u][axis % 4u];
  }
  for (var i = id % p.chunks; i < inner; i += p.chunks) {
    y[row * inner + i] = apply(a[ia + i * p.aStrides[1][3]], b[ib + i * p.bStrides[1][3]]);
  }
}
`;

/** shaders/bits_to_uniform.wgsl */
export const bitsToUniform: string = /* wgsl */ `// u[i] = ((bits[i] >> 9) + 1/2) 2^-23: one of 2^23 values in the open interval (0, 1), exact in f32.
// bits: [n] u32, u: [n] f32. One invocation an element. Tested by test/core/ops.devices.test.ts.
struct Params { n: u32 }

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> bits: array<u32>;
@group(0) @binding(2) var<storage, read_write> u: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * 64u + lane;
  if (i >= p.n) { return; }
  // 2 (bits >> 9) + 1 has 24 bits, so the conversion and the product are exact.
  u[i] = f32(((bits[i] >> 9u) << 1u) | 1u) * 0x1p-24;
}
`;

/** shaders/concat.wgsl */
export const concat: string = /* wgsl */ `// Joins up to seven tensors along an axis: x_k is [outer, inner_k], dense, and fills columns offset_k, ... of y [outer, total]. Workgroups
// with the same y take one input, each 512 of its elements. Elements are moved as bits, of any type.
// Unused inputs are bound to a tensor in use and not read. Tested by test/core/ops.devices.test.ts.
struct Params {
  // inner_k, offset_k and the number of elements of each input.
  inner: array<vec4u, 2>,
  offset: array<vec4u, 2>,
  size: array<vec4u, 2>,
  total: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x0: array<u32>;
@group(0) @binding(2) var<storage, read> x1: array<u32>;
@group(0) @binding(3) var<storage, read> x2: array<u32>;
@group(0) @binding(4) var<storage, read> x3: array<u32>;
@group(0) @binding(5) var<storage, read> x4: array<u32>;
@group(0) @binding(6) var<storage, read> x5: array<u32>;
@group(0) @binding(7) var<storage, read> x6: array<u32>;
@group(0) @binding(8) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let k = group.y;
  let inner = p.inner[k / 4u][k % 4u];
  let offset = p.offset[k / 4u][k % 4u];
  let first = group.x * 512u + lane;
  let end = min(group.x * 512u + 512u, p.size[k / 4u][k % 4u]);
  for (var i = first; i < end; i += 64u) {
    let to = i / inner * p.total + offset + i % inner;
    switch k {
      case 0 { y[to] = x0[i]; }
      case 1 { y[to] = x1[i]; }
      case 2 { y[to] = x2[i]; }
      case 3 { y[to] = x3[i]; }
      case 4 { y[to] = x4[i]; }
      case 5 { y[to] = x5[i]; }
      default { y[to] = x6[i]; }
    }
  }
}
`;

/** shaders/conv2d_general.wgsl */
export const conv2dGeneral: string = /* wgsl */ `// The three partials of T(x, w, g) = sum g * conv(x, w) for every stride, padding, dilation and number of groups.
//   conv2d        y[n, o, p, q]  = sum over c, i, j of x[n, c, p sy - top + i dy, q sx - left + j dx] w[o, c, i, j]
//   conv2dInput   gx[n, c, y, x] = sum over the (o, p, q, i, j) that read pixel (y, x)
//   conv2dFilter  gw[o, c, i, j] = sum over n, p, q of g[n, o, p, q] x[n, c, ...]
// x [n, c, h, w], w [o, c / groups, kh, kw], g [n, o, oh, ow]. One invocation an output element, loops in the order above.
// Tested by test/core/conv.devices.test.ts.
struct Geometry {
  n: i32, c: i32, h: i32, w: i32,
  o: i32, inputs: i32, kh: i32, kw: i32,
  oh: i32, ow: i32, sy: i32, sx: i32,
  top: i32, left: i32, dy: i32, dx: i32,
  groups: i32, size: i32,
}

@group(0) @binding(0) var<uniform> k: Geometry;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(64)
fn conv2d(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let id = i32((group.y * groups.x + group.x) * 64u + lane);
  if (id >= k.size) { return; }
  let q = id % k.ow;
  let p = (id / k.ow) % k.oh;
  let o = (id / (k.ow * k.oh)) % k.o;
  let n = id / (k.ow * k.oh * k.o);
  let first = o / (k.o / k.groups) * k.inputs;
  var sum = 0.0;
  for (var c = 0; c < k.inputs; c++) {
    for (var i = 0; i < k.kh; i++) {
      let y = p * k.sy - k.top + i * k.dy;
      if (y < 0 || y >= k.h) { continue; }
      for (var j = 0; j < k.kw; j++) {
        let x = q * k.sx - k.left + j * k.dx;
        if (x < 0 || x >= k.w) { continue; }
        sum += a[((n * k.c + first + c) * k.h + y) * k.w + x] * b[((o * k.inputs + c) * k.kh + i) * k.kw + j];
      }
    }
  }
  out[id] = sum;
}

@compute @workgroup_size(64)
fn conv2dInput(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let id = i32((group.y * groups.x + group.x) * 64u + lane);
  if (id >= k.size) { return; }
  let x = id % k.w;
  let y = (id / k.w) % k.h;
  let c = (id / (k.w * k.h)) % k.c;
  let n = id / (k.w * k.h * k.c);
  let perGroup = k.o / k.groups;
  let first = c / k.inputs * perGroup;
  var sum = 0.0;
  for (var o = first; o < first + perGroup; o++) {
    for (var i = 0; i < k.kh; i++) {
      let fromY = y + k.top - i * k.dy;
      if (fromY < 0 || fromY % k.sy != 0 || fromY / k.sy >= k.oh) { continue; }
      for (var j = 0; j < k.kw; j++) {
        let fromX = x + k.left - j * k.dx;
        if (fromX < 0 || fromX % k.sx != 0 || fromX / k.sx >= k.ow) { continue; }
        sum += a[((n * k.o + o) * k.oh + fromY / k.sy) * k.ow + fromX / k.sx]
          * b[((o * k.inputs + c % k.inputs) * k.kh + i) * k.kw + j];
      }
    }
  }
  out[id] = sum;
}

@compute @workgroup_size(64)
fn conv2dFilter(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let id = i32((group.y * groups.x + group.x) * 64u + lane);
  if (id >= k.size) { return; }
  let j = id % k.kw;
  let i = (id / k.kw) % k.kh;
  let c = (id / (k.kw * k.kh)) % k.inputs;
  let o = id / (k.kw * k.kh * k.inputs);
  let channel = o / (k.o / k.groups) * k.inputs + c;
  var sum = 0.0;
  for (var n = 0; n < k.n; n++) {
    for (var p = 0; p < k.oh; p++) {
      let y = p * k.sy - k.top + i * k.dy;
      if (y < 0 || y >= k.h) { continue; }
      // A sum for each row, so that the error grows with the number of rows and not of pixels.
      var row = 0.0;
      for (var q = 0; q < k.ow; q++) {
        let x = q * k.sx - k.left + j * k.dx;
        if (x < 0 || x >= k.w) { continue; }
        row += a[((n * k.c + channel) * k.h + y) * k.w + x] * b[((n * k.o + o) * k.oh + p) * k.ow + q];
      }
      sum += row;
    }
  }
  out[id] = sum;
}
`;

/** shaders/conv_depthwise.wgsl */
export const convDepthwise: string = /* wgsl */ `// Depthwise convolution of stride 1, and its input gradient, for kernels of 3x3 and 5x5 with any dilation d.
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
`;

/** shaders/conv_depthwise_filter.wgsl */
export const convDepthwiseFilter: string = /* wgsl */ `// Filter gradient of a depthwise convolution of stride 1, for kernels of 3x3 and 5x5 with any dilation d.
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
`;

/** shaders/conv_filter.wgsl */
export const convFilter: string = /* wgsl */ `// Filter gradient of a convolution for every geometry.
//   gw[o, c, i, j] = sum over n, p, q of g[n, o, p, q] x[n, c, p sy - top + i dy, q sx - left + j dx]
// (c, i, j) together are the columns of a matrix with a row for each o. A workgroup has OUTPUTS rows and eight columns of it; a
// lane walks over tiles of four output pixels in a column of the image and keeps the products of its tiles: 4 (OUTPUTS + 8) loads
// for 32 OUTPUTS products. Partials [o, c, i, j, lanes] are added by partial_sums.wgsl.
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
@group(0) @binding(3) var<storage, read_write> partials: array<f32>;

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
    partials[((group * k.outputs + output) * columns + index) * k.lanes + lane] = value;
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
  let at0 = column(first + 0);
  let at1 = column(first + 1);
  let at2 = column(first + 2);
  let at3 = column(first + 3);
  let at4 = column(first + 4);
  let at5 = column(first + 5);
  let at6 = column(first + 6);
  let at7 = column(first + 7);
  var s0_0: vec4f; var s1_0: vec4f; var s2_0: vec4f; var s3_0: vec4f; var s4_0: vec4f; var s5_0: vec4f; var s6_0: vec4f; var s7_0: vec4f;
  var s0_1: vec4f; var s1_1: vec4f; var s2_1: vec4f; var s3_1: vec4f; var s4_1: vec4f; var s5_1: vec4f; var s6_1: vec4f; var s7_1: vec4f;
  var s0_2: vec4f; var s1_2: vec4f; var s2_2: vec4f; var s3_2: vec4f; var s4_2: vec4f; var s5_2: vec4f; var s6_2: vec4f; var s7_2: vec4f;
  var s0_3: vec4f; var s1_3: vec4f; var s2_3: vec4f; var s3_3: vec4f; var s4_3: vec4f; var s5_3: vec4f; var s6_3: vec4f; var s7_3: vec4f;
  for (var id = lane; id < k.tiles; id += k.lanes) {
    let q = id % k.outputWidth;
    let p = (id / k.outputWidth) % k.blocks * 4 + vec4i(0, 1, 2, 3);
    let n = id / (k.outputWidth * k.blocks);
    let base = (n * k.channels + group * k.inputs) * k.height * k.width;
    let valid = p < vec4i(k.outputHeight);
    let start = ((n * k.outputChannels + group * k.outputs) * k.outputHeight + min(p, vec4i(k.outputHeight - 1))) * k.outputWidth + q;
    let g0 = readG(start, valid, output);
    var g1: vec4f; var g2: vec4f; var g3: vec4f; var g4: vec4f; var g5: vec4f; var g6: vec4f; var g7: vec4f;
    var g8: vec4f; var g9: vec4f; var g10: vec4f; var g11: vec4f; var g12: vec4f; var g13: vec4f; var g14: vec4f; var g15: vec4f;
    if (OUTPUTS > 1u) {
      g1 = readG(start, valid, output + 1);
      g2 = readG(start, valid, output + 2);
      g3 = readG(start, valid, output + 3);
    }
    if (OUTPUTS > 4u) {
      g4 = readG(start, valid, output + 4);
      g5 = readG(start, valid, output + 5);
      g6 = readG(start, valid, output + 6);
      g7 = readG(start, valid, output + 7);
    }
    if (OUTPUTS > 8u) {
      g8 = readG(start, valid, output + 8);
      g9 = readG(start, valid, output + 9);
      g10 = readG(start, valid, output + 10);
      g11 = readG(start, valid, output + 11);
      g12 = readG(start, valid, output + 12);
      g13 = readG(start, valid, output + 13);
      g14 = readG(start, valid, output + 14);
      g15 = readG(start, valid, output + 15);
    }
    let x0 = readX(base, p, q, at0);
    if (OUTPUTS == 1u) { s0_0.x += dot(x0, g0); } else { s0_0 += dots(x0, g0, g1, g2, g3); }
    if (OUTPUTS > 4u) { s0_1 += dots(x0, g4, g5, g6, g7); }
    if (OUTPUTS > 8u) {
      s0_2 += dots(x0, g8, g9, g10, g11);
      s0_3 += dots(x0, g12, g13, g14, g15);
    }
    let x1 = readX(base, p, q, at1);
    if (OUTPUTS == 1u) { s1_0.x += dot(x1, g0); } else { s1_0 += dots(x1, g0, g1, g2, g3); }
    if (OUTPUTS > 4u) { s1_1 += dots(x1, g4, g5, g6, g7); }
    if (OUTPUTS > 8u) {
      s1_2 += dots(x1, g8, g9, g10, g11);
      s1_3 += dots(x1, g12, g13, g14, g15);
    }
    let x2 = readX(base, p, q, at2);
    if (OUTPUTS == 1u) { s2_0.x += dot(x2, g0); } else { s2_0 += dots(x2, g0, g1, g2, g3); }
    if (OUTPUTS > 4u) { s2_1 += dots(x2, g4, g5, g6, g7); }
    if (OUTPUTS > 8u) {
      s2_2 += dots(x2, g8, g9, g10, g11);
      s2_3 += dots(x2, g12, g13, g14, g15);
    }
    let x3 = readX(base, p, q, at3);
    if (OUTPUTS == 1u) { s3_0.x += dot(x3, g0); } else { s3_0 += dots(x3, g0, g1, g2, g3); }
    if (OUTPUTS > 4u) { s3_1 += dots(x3, g4, g5, g6, g7); }
    if (OUTPUTS > 8u) {
      s3_2 += dots(x3, g8, g9, g10, g11);
      s3_3 += dots(x3, g12, g13, g14, g15);
    }
    let x4 = readX(base, p, q, at4);
    if (OUTPUTS == 1u) { s4_0.x += dot(x4, g0); } else { s4_0 += dots(x4, g0, g1, g2, g3); }
    if (OUTPUTS > 4u) { s4_1 += dots(x4, g4, g5, g6, g7); }
    if (OUTPUTS > 8u) {
      s4_2 += dots(x4, g8, g9, g10, g11);
      s4_3 += dots(x4, g12, g13, g14, g15);
    }
    let x5 = readX(base, p, q, at5);
    if (OUTPUTS == 1u) { s5_0.x += dot(x5, g0); } else { s5_0 += dots(x5, g0, g1, g2, g3); }
    if (OUTPUTS > 4u) { s5_1 += dots(x5, g4, g5, g6, g7); }
    if (OUTPUTS > 8u) {
      s5_2 += dots(x5, g8, g9, g10, g11);
      s5_3 += dots(x5, g12, g13, g14, g15);
    }
    let x6 = readX(base, p, q, at6);
    if (OUTPUTS == 1u) { s6_0.x += dot(x6, g0); } else { s6_0 += dots(x6, g0, g1, g2, g3); }
    if (OUTPUTS > 4u) { s6_1 += dots(x6, g4, g5, g6, g7); }
    if (OUTPUTS > 8u) {
      s6_2 += dots(x6, g8, g9, g10, g11);
      s6_3 += dots(x6, g12, g13, g14, g15);
    }
    let x7 = readX(base, p, q, at7);
    if (OUTPUTS == 1u) { s7_0.x += dot(x7, g0); } else { s7_0 += dots(x7, g0, g1, g2, g3); }
    if (OUTPUTS > 4u) { s7_1 += dots(x7, g4, g5, g6, g7); }
    if (OUTPUTS > 8u) {
      s7_2 += dots(x7, g8, g9, g10, g11);
      s7_3 += dots(x7, g12, g13, g14, g15);
    }
  }
  if (OUTPUTS == 1u) { store(s0_0.x, output, first + 0, group, lane); } else { store4(s0_0, output, first + 0, group, lane); }
  if (OUTPUTS == 1u) { store(s1_0.x, output, first + 1, group, lane); } else { store4(s1_0, output, first + 1, group, lane); }
  if (OUTPUTS == 1u) { store(s2_0.x, output, first + 2, group, lane); } else { store4(s2_0, output, first + 2, group, lane); }
  if (OUTPUTS == 1u) { store(s3_0.x, output, first + 3, group, lane); } else { store4(s3_0, output, first + 3, group, lane); }
  if (OUTPUTS == 1u) { store(s4_0.x, output, first + 4, group, lane); } else { store4(s4_0, output, first + 4, group, lane); }
  if (OUTPUTS == 1u) { store(s5_0.x, output, first + 5, group, lane); } else { store4(s5_0, output, first + 5, group, lane); }
  if (OUTPUTS == 1u) { store(s6_0.x, output, first + 6, group, lane); } else { store4(s6_0, output, first + 6, group, lane); }
  if (OUTPUTS == 1u) { store(s7_0.x, output, first + 7, group, lane); } else { store4(s7_0, output, first + 7, group, lane); }
  if (OUTPUTS > 4u) {
    store4(s0_1, output + 4, first + 0, group, lane);
    store4(s1_1, output + 4, first + 1, group, lane);
    store4(s2_1, output + 4, first + 2, group, lane);
    store4(s3_1, output + 4, first + 3, group, lane);
    store4(s4_1, output + 4, first + 4, group, lane);
    store4(s5_1, output + 4, first + 5, group, lane);
    store4(s6_1, output + 4, first + 6, group, lane);
    store4(s7_1, output + 4, first + 7, group, lane);
  }
  if (OUTPUTS > 8u) {
    store4(s0_2, output + 8, first + 0, group, lane);
    store4(s0_3, output + 12, first + 0, group, lane);
    store4(s1_2, output + 8, first + 1, group, lane);
    store4(s1_3, output + 12, first + 1, group, lane);
    store4(s2_2, output + 8, first + 2, group, lane);
    store4(s2_3, output + 12, first + 2, group, lane);
    store4(s3_2, output + 8, first + 3, group, lane);
    store4(s3_3, output + 12, first + 3, group, lane);
    store4(s4_2, output + 8, first + 4, group, lane);
    store4(s4_3, output + 12, first + 4, group, lane);
    store4(s5_2, output + 8, first + 5, group, lane);
    store4(s5_3, output + 12, first + 5, group, lane);
    store4(s6_2, output + 8, first + 6, group, lane);
    store4(s6_3, output + 12, first + 6, group, lane);
    store4(s7_2, output + 8, first + 7, group, lane);
    store4(s7_3, output + 12, first + 7, group, lane);
  }
}
`;

/** shaders/conv_filter_3x3.wgsl */
export const convFilter3x3: string = /* wgsl */ `// Filter gradient of a 3x3 convolution of stride and dilation 1.
//   gw[o, c, i, j] = sum over n, p, q of g[n, o, p, q] x[n, c, p - top + i, q - left + j]
// A lane owns the taps of four output channels and one input channel and walks over tiles of 4x4 of g: 4 * 16 + 36 loads for 576
// products, and no two lanes share a sum unless the tiles are cut into slices. Partials [o, c, i, j, slices] are added by
// partial_sums.wgsl. Lanes run over pairs of channels, then slices. Tested by test/core/conv.devices.test.ts.
struct Geometry {
  tiles: i32, blocksY: i32, blocksX: i32, slices: i32,
  // Blocks of four outputs in a group; pairs of a block and an input, over all groups.
  rowBlocks: i32, pairs: i32,
  channels: i32, height: i32, width: i32, inputs: i32,
  outputChannels: i32, outputHeight: i32, outputWidth: i32, outputs: i32,
  top: i32, left: i32,
}

@group(0) @binding(0) var<uniform> k: Geometry;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> g: array<f32>;
@group(0) @binding(3) var<storage, read_write> partials: array<f32>;

// The six columns of x that a tile meets, clamped, and which of them are inside.
struct Columns { a: vec4i, b: vec2i, inA: vec4<bool>, inB: vec2<bool> }

// Pixels under the left, middle and right tap of four neighbours.
struct Row { l: vec4f, m: vec4f, r: vec4f }

fn readRow(start: i32, inside: bool, at: Columns) -> Row {
  let i = start + at.a;
  let j = start + at.b;
  let a = select(vec4f(), vec4f(x[i.x], x[i.y], x[i.z], x[i.w]), at.inA & vec4<bool>(inside));
  let b = select(vec2f(), vec2f(x[j.x], x[j.y]), at.inB & vec2<bool>(inside));
  return Row(a, vec4f(a.yzw, b.x), vec4f(a.zw, b));
}

fn readG(start: i32, inside: bool, at: vec4i, columns: vec4<bool>) -> vec4f {
  let i = start + at;
  return select(vec4f(), vec4f(g[i.x], g[i.y], g[i.z], g[i.w]), columns & vec4<bool>(inside));
}

fn store(v0: vec4f, v1: vec4f, v2: f32, to: i32) {
  let next = k.slices;
  for (var t = 0; t < 4; t++) {
    partials[to + t * next] = v0[t];
    partials[to + (t + 4) * next] = v1[t];
  }
  partials[to + 8 * next] = v2;
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) workgroups: vec3u, @builtin(local_invocation_index) local: u32) {
  let id = i32((workgroup.y * workgroups.x + workgroup.x) * 64u + local);
  let slices = k.slices;
  let pairs = k.pairs;
  if (id >= pairs * slices) { return; }
  let pair = id % pairs;
  let slice = id / pairs;
  let input = pair % k.inputs;
  let rowBlock = pair / k.inputs % k.rowBlocks;
  let group = pair / (k.inputs * k.rowBlocks);
  let height = k.height;
  let width = k.width;
  let outputHeight = k.outputHeight;
  let outputWidth = k.outputWidth;
  let outputPlane = outputHeight * outputWidth;
  // Channels beyond the last repeat it and are not stored.
  let o0 = min(rowBlock * 4, k.outputs - 1);
  let o1 = min(rowBlock * 4 + 1, k.outputs - 1);
  let o2 = min(rowBlock * 4 + 2, k.outputs - 1);
  let o3 = min(rowBlock * 4 + 3, k.outputs - 1);
  var s0_0 = 0.0; var s0_1 = 0.0; var s0_2 = 0.0; var s0_3 = 0.0; var s0_4 = 0.0; var s0_5 = 0.0; var s0_6 = 0.0; var s0_7 = 0.0; var s0_8 = 0.0;
  var s1_0 = 0.0; var s1_1 = 0.0; var s1_2 = 0.0; var s1_3 = 0.0; var s1_4 = 0.0; var s1_5 = 0.0; var s1_6 = 0.0; var s1_7 = 0.0; var s1_8 = 0.0;
  var s2_0 = 0.0; var s2_1 = 0.0; var s2_2 = 0.0; var s2_3 = 0.0; var s2_4 = 0.0; var s2_5 = 0.0; var s2_6 = 0.0; var s2_7 = 0.0; var s2_8 = 0.0;
  var s3_0 = 0.0; var s3_1 = 0.0; var s3_2 = 0.0; var s3_3 = 0.0; var s3_4 = 0.0; var s3_5 = 0.0; var s3_6 = 0.0; var s3_7 = 0.0; var s3_8 = 0.0;
  for (var tile = slice; tile < k.tiles; tile += slices) {
    let q = tile % k.blocksX * 4;
    let p = tile / k.blocksX % k.blocksY * 4;
    let n = tile / (k.blocksX * k.blocksY);

    let across = vec4i(q) + vec4i(0, 1, 2, 3);
    let acrossAt = min(across, vec4i(outputWidth - 1));
    let acrossIn = across < vec4i(outputWidth);
    let firstG = (n * k.outputChannels + group * k.outputs) * outputPlane;
    let down0 = firstG + min(p, outputHeight - 1) * outputWidth;
    let down1 = firstG + min(p + 1, outputHeight - 1) * outputWidth;
    let down2 = firstG + min(p + 2, outputHeight - 1) * outputWidth;
    let down3 = firstG + min(p + 3, outputHeight - 1) * outputWidth;
    let g0_0 = readG(down0 + o0 * outputPlane, p < outputHeight, acrossAt, acrossIn);
    let g0_1 = readG(down1 + o0 * outputPlane, p + 1 < outputHeight, acrossAt, acrossIn);
    let g0_2 = readG(down2 + o0 * outputPlane, p + 2 < outputHeight, acrossAt, acrossIn);
    let g0_3 = readG(down3 + o0 * outputPlane, p + 3 < outputHeight, acrossAt, acrossIn);
    let g1_0 = readG(down0 + o1 * outputPlane, p < outputHeight, acrossAt, acrossIn);
    let g1_1 = readG(down1 + o1 * outputPlane, p + 1 < outputHeight, acrossAt, acrossIn);
    let g1_2 = readG(down2 + o1 * outputPlane, p + 2 < outputHeight, acrossAt, acrossIn);
    let g1_3 = readG(down3 + o1 * outputPlane, p + 3 < outputHeight, acrossAt, acrossIn);
    let g2_0 = readG(down0 + o2 * outputPlane, p < outputHeight, acrossAt, acrossIn);
    let g2_1 = readG(down1 + o2 * outputPlane, p + 1 < outputHeight, acrossAt, acrossIn);
    let g2_2 = readG(down2 + o2 * outputPlane, p + 2 < outputHeight, acrossAt, acrossIn);
    let g2_3 = readG(down3 + o2 * outputPlane, p + 3 < outputHeight, acrossAt, acrossIn);
    let g3_0 = readG(down0 + o3 * outputPlane, p < outputHeight, acrossAt, acrossIn);
    let g3_1 = readG(down1 + o3 * outputPlane, p + 1 < outputHeight, acrossAt, acrossIn);
    let g3_2 = readG(down2 + o3 * outputPlane, p + 2 < outputHeight, acrossAt, acrossIn);
    let g3_3 = readG(down3 + o3 * outputPlane, p + 3 < outputHeight, acrossAt, acrossIn);

    let a = vec4i(q - k.left) + vec4i(0, 1, 2, 3);
    let b = a.zw + 2;
    let last = width - 1;
    let at = Columns(
      clamp(a, vec4i(0), vec4i(last)), clamp(b, vec2i(0), vec2i(last)),
      (a >= vec4i(0)) & (a <= vec4i(last)), (b >= vec2i(0)) & (b <= vec2i(last)),
    );
    let top = p - k.top;
    let firstX = (n * k.channels + group * k.inputs + input) * height * width;
    let row0 = firstX + clamp(top, 0, height - 1) * width;
    let row1 = firstX + clamp(top + 1, 0, height - 1) * width;
    let row2 = firstX + clamp(top + 2, 0, height - 1) * width;
    let row3 = firstX + clamp(top + 3, 0, height - 1) * width;
    let row4 = firstX + clamp(top + 4, 0, height - 1) * width;
    let row5 = firstX + clamp(top + 5, 0, height - 1) * width;
    let in0 = top >= 0 && top < height;
    let in1 = top + 1 >= 0 && top + 1 < height;
    let in2 = top + 2 >= 0 && top + 2 < height;
    let in3 = top + 3 >= 0 && top + 3 < height;
    let in4 = top + 4 >= 0 && top + 4 < height;
    let in5 = top + 5 >= 0 && top + 5 < height;

    let x0 = readRow(row0, in0, at);
    let x1 = readRow(row1, in1, at);
    let x2 = readRow(row2, in2, at);
    let x3 = readRow(row3, in3, at);
    let x4 = readRow(row4, in4, at);
    let x5 = readRow(row5, in5, at);
    s0_0 += dot(g0_0, x0.l) + dot(g0_1, x1.l) + dot(g0_2, x2.l) + dot(g0_3, x3.l);
    s0_1 += dot(g0_0, x0.m) + dot(g0_1, x1.m) + dot(g0_2, x2.m) + dot(g0_3, x3.m);
    s0_2 += dot(g0_0, x0.r) + dot(g0_1, x1.r) + dot(g0_2, x2.r) + dot(g0_3, x3.r);
    s0_3 += dot(g0_0, x1.l) + dot(g0_1, x2.l) + dot(g0_2, x3.l) + dot(g0_3, x4.l);
    s0_4 += dot(g0_0, x1.m) + dot(g0_1, x2.m) + dot(g0_2, x3.m) + dot(g0_3, x4.m);
    s0_5 += dot(g0_0, x1.r) + dot(g0_1, x2.r) + dot(g0_2, x3.r) + dot(g0_3, x4.r);
    s0_6 += dot(g0_0, x2.l) + dot(g0_1, x3.l) + dot(g0_2, x4.l) + dot(g0_3, x5.l);
    s0_7 += dot(g0_0, x2.m) + dot(g0_1, x3.m) + dot(g0_2, x4.m) + dot(g0_3, x5.m);
    s0_8 += dot(g0_0, x2.r) + dot(g0_1, x3.r) + dot(g0_2, x4.r) + dot(g0_3, x5.r);
    s1_0 += dot(g1_0, x0.l) + dot(g1_1, x1.l) + dot(g1_2, x2.l) + dot(g1_3, x3.l);
    s1_1 += dot(g1_0, x0.m) + dot(g1_1, x1.m) + dot(g1_2, x2.m) + dot(g1_3, x3.m);
    s1_2 += dot(g1_0, x0.r) + dot(g1_1, x1.r) + dot(g1_2, x2.r) + dot(g1_3, x3.r);
    s1_3 += dot(g1_0, x1.l) + dot(g1_1, x2.l) + dot(g1_2, x3.l) + dot(g1_3, x4.l);
    s1_4 += dot(g1_0, x1.m) + dot(g1_1, x2.m) + dot(g1_2, x3.m) + dot(g1_3, x4.m);
    s1_5 += dot(g1_0, x1.r) + dot(g1_1, x2.r) + dot(g1_2, x3.r) + dot(g1_3, x4.r);
    s1_6 += dot(g1_0, x2.l) + dot(g1_1, x3.l) + dot(g1_2, x4.l) + dot(g1_3, x5.l);
    s1_7 += dot(g1_0, x2.m) + dot(g1_1, x3.m) + dot(g1_2, x4.m) + dot(g1_3, x5.m);
    s1_8 += dot(g1_0, x2.r) + dot(g1_1, x3.r) + dot(g1_2, x4.r) + dot(g1_3, x5.r);
    s2_0 += dot(g2_0, x0.l) + dot(g2_1, x1.l) + dot(g2_2, x2.l) + dot(g2_3, x3.l);
    s2_1 += dot(g2_0, x0.m) + dot(g2_1, x1.m) + dot(g2_2, x2.m) + dot(g2_3, x3.m);
    s2_2 += dot(g2_0, x0.r) + dot(g2_1, x1.r) + dot(g2_2, x2.r) + dot(g2_3, x3.r);
    s2_3 += dot(g2_0, x1.l) + dot(g2_1, x2.l) + dot(g2_2, x3.l) + dot(g2_3, x4.l);
    s2_4 += dot(g2_0, x1.m) + dot(g2_1, x2.m) + dot(g2_2, x3.m) + dot(g2_3, x4.m);
    s2_5 += dot(g2_0, x1.r) + dot(g2_1, x2.r) + dot(g2_2, x3.r) + dot(g2_3, x4.r);
    s2_6 += dot(g2_0, x2.l) + dot(g2_1, x3.l) + dot(g2_2, x4.l) + dot(g2_3, x5.l);
    s2_7 += dot(g2_0, x2.m) + dot(g2_1, x3.m) + dot(g2_2, x4.m) + dot(g2_3, x5.m);
    s2_8 += dot(g2_0, x2.r) + dot(g2_1, x3.r) + dot(g2_2, x4.r) + dot(g2_3, x5.r);
    s3_0 += dot(g3_0, x0.l) + dot(g3_1, x1.l) + dot(g3_2, x2.l) + dot(g3_3, x3.l);
    s3_1 += dot(g3_0, x0.m) + dot(g3_1, x1.m) + dot(g3_2, x2.m) + dot(g3_3, x3.m);
    s3_2 += dot(g3_0, x0.r) + dot(g3_1, x1.r) + dot(g3_2, x2.r) + dot(g3_3, x3.r);
    s3_3 += dot(g3_0, x1.l) + dot(g3_1, x2.l) + dot(g3_2, x3.l) + dot(g3_3, x4.l);
    s3_4 += dot(g3_0, x1.m) + dot(g3_1, x2.m) + dot(g3_2, x3.m) + dot(g3_3, x4.m);
    s3_5 += dot(g3_0, x1.r) + dot(g3_1, x2.r) + dot(g3_2, x3.r) + dot(g3_3, x4.r);
    s3_6 += dot(g3_0, x2.l) + dot(g3_1, x3.l) + dot(g3_2, x4.l) + dot(g3_3, x5.l);
    s3_7 += dot(g3_0, x2.m) + dot(g3_1, x3.m) + dot(g3_2, x4.m) + dot(g3_3, x5.m);
    s3_8 += dot(g3_0, x2.r) + dot(g3_1, x3.r) + dot(g3_2, x4.r) + dot(g3_3, x5.r);
  }

  let outputs = group * k.outputs + rowBlock * 4;
  let to = (outputs * k.inputs + input) * 9 * slices + slice;
  let nextO = k.inputs * 9 * slices;
  store(vec4f(s0_0, s0_1, s0_2, s0_3), vec4f(s0_4, s0_5, s0_6, s0_7), s0_8, to);
  if (rowBlock * 4 + 1 < k.outputs) {
    store(vec4f(s1_0, s1_1, s1_2, s1_3), vec4f(s1_4, s1_5, s1_6, s1_7), s1_8, to + nextO);
  }
  if (rowBlock * 4 + 2 < k.outputs) {
    store(vec4f(s2_0, s2_1, s2_2, s2_3), vec4f(s2_4, s2_5, s2_6, s2_7), s2_8, to + 2 * nextO);
  }
  if (rowBlock * 4 + 3 < k.outputs) {
    store(vec4f(s3_0, s3_1, s3_2, s3_3), vec4f(s3_4, s3_5, s3_6, s3_7), s3_8, to + 3 * nextO);
  }
}
`;

/** shaders/conv_filter_pointwise.wgsl */
export const convFilterPointwise: string = /* wgsl */ `// Filter gradient of a pointwise convolution of stride 1, on images seen as rows of vec4s.
//   gw[o, c] = sum over n, i of dot(g[n, o, i], x[n, c, i])
// A lane has OUTPUTS outputs and four inputs, and walks over vec4s of pixels: OUTPUTS + 4 loads for 16 OUTPUTS products. Few sums, so
// that they stay in registers. Partials [o, c, lanes] are added by partial_sums.wgsl.
// Workgroups: x lanes, y group and block of outputs, z block of inputs. Planes are multiples of four pixels.
// Tested by test/core/conv.devices.test.ts.
struct Geometry {
  tiles: i32, quads: i32, lanes: i32, outputBlocks: i32,
  channels: i32, inputs: i32, outputChannels: i32, outputs: i32,
}

@group(0) @binding(0) var<uniform> k: Geometry;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read> g: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> partials: array<f32>;

// 4 or 8.
override OUTPUTS: u32 = 8;

fn dots(g: vec4f, x0: vec4f, x1: vec4f, x2: vec4f, x3: vec4f) -> vec4f {
  return vec4f(dot(x0, g), dot(x1, g), dot(x2, g), dot(x3, g));
}

fn store(value: vec4f, output: i32, input: i32, group: i32, lane: i32) {
  if (output >= k.outputs) { return; }
  let to = ((group * k.outputs + output) * k.inputs + input) * k.lanes + lane;
  partials[to] = value.x;
  if (input + 1 < k.inputs) { partials[to + k.lanes] = value.y; }
  if (input + 2 < k.inputs) { partials[to + 2 * k.lanes] = value.z; }
  if (input + 3 < k.inputs) { partials[to + 3 * k.lanes] = value.w; }
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) local: u32) {
  let lane = i32(workgroup.x * 64u + local);
  let group = i32(workgroup.y) / k.outputBlocks;
  let output = i32(workgroup.y) % k.outputBlocks * i32(OUTPUTS);
  let input = i32(workgroup.z) * 4;
  // Rows past the last repeat it and are not stored.
  let inputs = (group * k.inputs + min(input + vec4i(0, 1, 2, 3), vec4i(k.inputs - 1))) * k.quads;
  let near = (group * k.outputs + min(output + vec4i(0, 1, 2, 3), vec4i(k.outputs - 1))) * k.quads;
  let far = (group * k.outputs + min(output + vec4i(4, 5, 6, 7), vec4i(k.outputs - 1))) * k.quads;
  var s0: vec4f; var s1: vec4f; var s2: vec4f; var s3: vec4f;
  var s4: vec4f; var s5: vec4f; var s6: vec4f; var s7: vec4f;
  // Counted on instead of divided: software adapters divide lane by lane.
  var n = lane / k.quads;
  var i = lane % k.quads;
  for (var id = lane; id < k.tiles; id += k.lanes) {
    let fromX = n * k.channels * k.quads + i + inputs;
    let x0 = x[fromX.x];
    let x1 = x[fromX.y];
    let x2 = x[fromX.z];
    let x3 = x[fromX.w];
    let base = n * k.outputChannels * k.quads + i;
    let fromG = base + near;
    s0 += dots(g[fromG.x], x0, x1, x2, x3);
    s1 += dots(g[fromG.y], x0, x1, x2, x3);
    s2 += dots(g[fromG.z], x0, x1, x2, x3);
    s3 += dots(g[fromG.w], x0, x1, x2, x3);
    if (OUTPUTS > 4u) {
      let next = base + far;
      s4 += dots(g[next.x], x0, x1, x2, x3);
      s5 += dots(g[next.y], x0, x1, x2, x3);
      s6 += dots(g[next.z], x0, x1, x2, x3);
      s7 += dots(g[next.w], x0, x1, x2, x3);
    }
    i += k.lanes % k.quads;
    n += k.lanes / k.quads;
    if (i >= k.quads) {
      i -= k.quads;
      n++;
    }
  }
  store(s0, output, input, group, lane);
  store(s1, output + 1, input, group, lane);
  store(s2, output + 2, input, group, lane);
  store(s3, output + 3, input, group, lane);
  if (OUTPUTS > 4u) {
    store(s4, output + 4, input, group, lane);
    store(s5, output + 5, input, group, lane);
    store(s6, output + 6, input, group, lane);
    store(s7, output + 7, input, group, lane);
  }
}
`;

/** shaders/conv_pack_weights.wgsl */
export const convPackWeights: string = /* wgsl */ `// Weights of a convolution as vec4s over four written channels, so that one load brings four of them without subgroups.
//   packed[group, block, b, tap] = (w(4 block, b, tap), ..., w(4 block + 3, b, tap)), zero beyond the last channel
// w(a, b, tap) is the weight from summed channel b to written channel a of the group; taps in reverse order on request, which turns
// the input gradient of stride 1 into a convolution. One invocation a vec4. Tested by test/core/conv.devices.test.ts.
struct Layout {
  size: i32, blocks: i32, outputs: i32, inputs: i32, taps: i32,
  // Distances in w between groups, written channels, summed channels.
  weightGroup: i32, weightOut: i32, weightIn: i32,
  reversed: u32,
}

@group(0) @binding(0) var<uniform> k: Layout;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read_write> packed: array<vec4f>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let id = i32((group.y * groups.x + group.x) * 64u + lane);
  if (id >= k.size) { return; }
  let tap = id % k.taps;
  let b = id / k.taps % k.inputs;
  let block = id / (k.taps * k.inputs);
  let first = block % k.blocks * 4;
  let start = block / k.blocks * k.weightGroup + b * k.weightIn + select(tap, k.taps - 1 - tap, k.reversed == 1u);
  let channel = vec4i(first) + vec4i(0, 1, 2, 3);
  let at = start + min(channel, vec4i(k.outputs - 1)) * k.weightOut;
  let value = vec4f(weight[at.x], weight[at.y], weight[at.z], weight[at.w]);
  packed[id] = select(vec4f(), value, channel < vec4i(k.outputs));
}
`;

/** shaders/conv_pointwise.wgsl */
export const convPointwise: string = /* wgsl */ `// Pointwise convolution of stride 1 and its input gradient: channels are mixed pixel by pixel, so an image is a row of vec4s.
//   written[n, a, i] = sum over b of source[n, b, i] w(a, b)
// A lane takes one vec4 of pixels and CHANNELS written channels; lanes run over n and i, so that small images fill them too. Weights are
// loaded one a lane and spread by subgroup broadcasts; two summed channels at a time, so that a sum is touched half as often.
// Workgroups: x lanes, y group and block of channels. Planes are multiples of four pixels. Tested by test/core/conv.devices.test.ts.
enable subgroups;

struct Geometry {
  lanes: i32, quads: i32, channelBlocks: i32, inputs: i32,
  sourceChannels: i32, channels: i32, outputs: i32,
  // Distances in w between groups, written channels, summed channels.
  weightGroup: i32, weightOut: i32, weightIn: i32,
}

@group(0) @binding(0) var<uniform> k: Geometry;
@group(0) @binding(1) var<storage, read> source: array<vec4f>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read_write> written: array<vec4f>;

// 4, 8 or 16.
override CHANNELS: u32 = 8;
// Subgroups have eight lanes or more, so that one load brings eight weights.
override WIDE: bool = true;

fn spread(value: f32) -> vec4f {
  return vec4f(subgroupBroadcast(value, 0u), subgroupBroadcast(value, 1u), subgroupBroadcast(value, 2u), subgroupBroadcast(value, 3u));
}

fn spreadUpper(value: f32) -> vec4f {
  return vec4f(subgroupBroadcast(value, 4u), subgroupBroadcast(value, 5u), subgroupBroadcast(value, 6u), subgroupBroadcast(value, 7u));
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(local_invocation_index) local: u32,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  // Lanes beyond the last one repeat it and store nothing: broadcasts need all lanes of a subgroup.
  let id = i32(workgroup.x * 64u + local);
  let at = min(id, k.lanes - 1);
  let i = at % k.quads;
  let n = at / k.quads;
  let group = i32(workgroup.y) / k.channelBlocks;
  let first = i32(workgroup.y) % k.channelBlocks * i32(CHANNELS);

  // Four written channels: eight lanes bring their weights for two summed channels at once.
  let both = WIDE && CHANNELS == 4u;
  let second = select(0, i32((lane >> 2u) & 1u), both);
  let mine = first + i32(select(lane & 3u, lane & 7u, WIDE && CHANNELS > 4u));
  let start = k.weightGroup * group;
  let near = start + min(mine, k.outputs - 1) * k.weightOut;
  let next4 = start + min(mine + 4, k.outputs - 1) * k.weightOut;
  let next8 = start + min(mine + 8, k.outputs - 1) * k.weightOut;
  let next12 = start + min(mine + 12, k.outputs - 1) * k.weightOut;

  let here = (n * k.sourceChannels + group * k.inputs) * k.quads + i;
  var a0 = vec4f(); var a1 = vec4f(); var a2 = vec4f(); var a3 = vec4f();
  var a4 = vec4f(); var a5 = vec4f(); var a6 = vec4f(); var a7 = vec4f();
  var a8 = vec4f(); var a9 = vec4f(); var a10 = vec4f(); var a11 = vec4f();
  var a12 = vec4f(); var a13 = vec4f(); var a14 = vec4f(); var a15 = vec4f();
  for (var c = 0; c < k.inputs; c += 2) {
    let more = c + 1 < k.inputs;
    let x0 = source[here + c * k.quads];
    // Past the last channel any weight will do: it meets zeros.
    let after = select(c, c + 1, more);
    let x1 = select(vec4f(), source[here + after * k.quads], more);
    let w0 = c * k.weightIn;
    let w1 = after * k.weightIn;
    let p0 = weight[near + select(w0, w1, second == 1)];
    var q0 = p0;
    if (!both) { q0 = weight[near + w1]; }
    {
      let p = spread(p0);
      var q: vec4f;
      if (both) { q = spreadUpper(p0); } else { q = spread(q0); }
      a0 = fma(x1, vec4f(q.x), fma(x0, vec4f(p.x), a0));
      a1 = fma(x1, vec4f(q.y), fma(x0, vec4f(p.y), a1));
      a2 = fma(x1, vec4f(q.z), fma(x0, vec4f(p.z), a2));
      a3 = fma(x1, vec4f(q.w), fma(x0, vec4f(p.w), a3));
    }
    if (CHANNELS > 4u) {
      var p: vec4f;
      var q: vec4f;
      if (WIDE) {
        p = spreadUpper(p0);
        q = spreadUpper(q0);
      } else {
        p = spread(weight[next4 + w0]);
        q = spread(weight[next4 + w1]);
      }
      a4 = fma(x1, vec4f(q.x), fma(x0, vec4f(p.x), a4));
      a5 = fma(x1, vec4f(q.y), fma(x0, vec4f(p.y), a5));
      a6 = fma(x1, vec4f(q.z), fma(x0, vec4f(p.z), a6));
      a7 = fma(x1, vec4f(q.w), fma(x0, vec4f(p.w), a7));
    }
    if (CHANNELS > 8u) {
      let p8 = weight[next8 + w0];
      let q8 = weight[next8 + w1];
      var p = spread(p8);
      var q = spread(q8);
      a8 = fma(x1, vec4f(q.x), fma(x0, vec4f(p.x), a8));
      a9 = fma(x1, vec4f(q.y), fma(x0, vec4f(p.y), a9));
      a10 = fma(x1, vec4f(q.z), fma(x0, vec4f(p.z), a10));
      a11 = fma(x1, vec4f(q.w), fma(x0, vec4f(p.w), a11));
      if (WIDE) {
        p = spreadUpper(p8);
        q = spreadUpper(q8);
      } else {
        p = spread(weight[next12 + w0]);
        q = spread(weight[next12 + w1]);
      }
      a12 = fma(x1, vec4f(q.x), fma(x0, vec4f(p.x), a12));
      a13 = fma(x1, vec4f(q.y), fma(x0, vec4f(p.y), a13));
      a14 = fma(x1, vec4f(q.z), fma(x0, vec4f(p.z), a14));
      a15 = fma(x1, vec4f(q.w), fma(x0, vec4f(p.w), a15));
    }
  }

  if (id >= k.lanes) { return; }
  let to = (n * k.channels + group * k.outputs + first) * k.quads + i;
  let last = k.outputs - first;
  written[to] = a0;
  if (last > 1) { written[to + 1 * k.quads] = a1; }
  if (last > 2) { written[to + 2 * k.quads] = a2; }
  if (last > 3) { written[to + 3 * k.quads] = a3; }
  if (CHANNELS > 4u) {
    if (last > 4) { written[to + 4 * k.quads] = a4; }
    if (last > 5) { written[to + 5 * k.quads] = a5; }
    if (last > 6) { written[to + 6 * k.quads] = a6; }
    if (last > 7) { written[to + 7 * k.quads] = a7; }
  }
  if (CHANNELS > 8u) {
    if (last > 8) { written[to + 8 * k.quads] = a8; }
    if (last > 9) { written[to + 9 * k.quads] = a9; }
    if (last > 10) { written[to + 10 * k.quads] = a10; }
    if (last > 11) { written[to + 11 * k.quads] = a11; }
    if (last > 12) { written[to + 12 * k.quads] = a12; }
    if (last > 13) { written[to + 13 * k.quads] = a13; }
    if (last > 14) { written[to + 14 * k.quads] = a14; }
    if (last > 15) { written[to + 15 * k.quads] = a15; }
  }
}
`;

/** shaders/conv_tile.wgsl */
export const convTile: string = /* wgsl */ `// Convolution and its input gradient for every geometry, without subgroups: weights are vec4s over four written channels, packed by
// conv_pack_weights.wgsl.
//   written[n, a, y, x] = sum over b, i, j of source[n, b, y', x'] w(a, b, i, j), zeros outside the source
// Forward: the source is x, y' = y sy - top + i dy. Input gradient: the source is g, y' = (y + top - i dy) / sy where whole. Both
// are y = u ratioY + phase, y' = u strideY + (phase + originY + i stepY) / ratioY: the gradient of a strided convolution is a
// unit-stride one for each phase (y mod sy, x mod sx), and taps that miss a phase are skipped whole.
// A lane takes four values of u in one column, and CHANNELS written channels; lanes run over n, blocks of u and columns, so that
// small images fill them too. Workgroups: x lanes, y group and block of channels, z phase.
// Tested by test/core/conv.devices.test.ts.
struct Geometry {
  lanes: i32, blocks: i32, columns: i32, channelBlocks: i32,
  sourceChannels: i32, sourceHeight: i32, sourceWidth: i32, inputs: i32,
  channels: i32, height: i32, width: i32, outputs: i32,
  kh: i32, kw: i32, strideY: i32, strideX: i32,
  originY: i32, originX: i32, stepY: i32, stepX: i32,
  ratioY: i32, ratioX: i32,
  // Distances in vec4s between groups and between blocks of four channels in the packed weights.
  weightGroup: i32, weightBlock: i32,
}

@group(0) @binding(0) var<uniform> k: Geometry;
@group(0) @binding(1) var<storage, read> source: array<f32>;
@group(0) @binding(2) var<storage, read> packed: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> written: array<f32>;

// 1, 4, 8 or 16.
override CHANNELS: u32 = 8;

fn store(value: vec4f, n: i32, group: i32, output: i32, y: i32, x: i32) {
  if (output >= k.outputs) { return; }
  let to = ((n * k.channels + group * k.outputs + output) * k.height + y) * k.width + x;
  let next = k.ratioY * k.width;
  written[to] = value.x;
  if (y + k.ratioY < k.height) { written[to + next] = value.y; }
  if (y + 2 * k.ratioY < k.height) { written[to + 2 * next] = value.z; }
  if (y + 3 * k.ratioY < k.height) { written[to + 3 * next] = value.w; }
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) local: u32) {
  let id = i32(workgroup.x * 64u + local);
  if (id >= k.lanes) { return; }
  let v = id % k.columns;
  let u = (id / k.columns) % k.blocks * 4;
  let n = id / (k.columns * k.blocks);
  let group = i32(workgroup.y) / k.channelBlocks;
  let first = i32(workgroup.y) % k.channelBlocks * i32(CHANNELS);
  let phaseY = i32(workgroup.z) / k.ratioX;
  let phaseX = i32(workgroup.z) % k.ratioX;

  let inputs = k.inputs;
  let taps = k.kh * k.kw;
  let near = k.weightGroup * group + first / 4 * k.weightBlock;
  // Blocks beyond the last repeat it and are not stored.
  let lastBlock = k.weightGroup * group + (k.outputs - 1) / 4 * k.weightBlock;
  let next4 = min(near + k.weightBlock, lastBlock);
  let next8 = min(near + 2 * k.weightBlock, lastBlock);
  let next12 = min(near + 3 * k.weightBlock, lastBlock);

  let plane = k.sourceHeight * k.sourceWidth;
  let base = (n * k.sourceChannels + group * k.inputs) * plane;
  var a0 = vec4f(); var a1 = vec4f(); var a2 = vec4f(); var a3 = vec4f();
  var a4 = vec4f(); var a5 = vec4f(); var a6 = vec4f(); var a7 = vec4f();
  var a8 = vec4f(); var a9 = vec4f(); var a10 = vec4f(); var a11 = vec4f();
  var a12 = vec4f(); var a13 = vec4f(); var a14 = vec4f(); var a15 = vec4f();
  for (var i = 0; i < k.kh; i++) {
    let offsetY = phaseY + k.originY + i * k.stepY;
    if (offsetY % k.ratioY != 0) { continue; }
    let row = (u + vec4i(0, 1, 2, 3)) * k.strideY + offsetY / k.ratioY;
    let rowInside = (row >= vec4i(0)) & (row < vec4i(k.sourceHeight));
    let rowStart = base + clamp(row, vec4i(0), vec4i(k.sourceHeight - 1)) * k.sourceWidth;
    for (var j = 0; j < k.kw; j++) {
      let offsetX = phaseX + k.originX + j * k.stepX;
      if (offsetX % k.ratioX != 0) { continue; }
      let column = v * k.strideX + offsetX / k.ratioX;
      let inside = rowInside & vec4<bool>(column >= 0 && column < k.sourceWidth);
      var start = rowStart + clamp(column, 0, k.sourceWidth - 1);
      var tap = i * k.kw + j;
      for (var c = 0; c < inputs; c++) {
        let x = select(vec4f(), vec4f(source[start.x], source[start.y], source[start.z], source[start.w]), inside);
        let w0 = packed[near + tap];
        a0 = fma(x, vec4f(w0.x), a0);
        if (CHANNELS > 1u) {
          a1 = fma(x, vec4f(w0.y), a1);
          a2 = fma(x, vec4f(w0.z), a2);
          a3 = fma(x, vec4f(w0.w), a3);
        }
        if (CHANNELS > 4u) {
          let w4 = packed[next4 + tap];
          a4 = fma(x, vec4f(w4.x), a4);
          a5 = fma(x, vec4f(w4.y), a5);
          a6 = fma(x, vec4f(w4.z), a6);
          a7 = fma(x, vec4f(w4.w), a7);
        }
        if (CHANNELS > 8u) {
          let w8 = packed[next8 + tap];
          a8 = fma(x, vec4f(w8.x), a8);
          a9 = fma(x, vec4f(w8.y), a9);
          a10 = fma(x, vec4f(w8.z), a10);
          a11 = fma(x, vec4f(w8.w), a11);
          let w12 = packed[next12 + tap];
          a12 = fma(x, vec4f(w12.x), a12);
          a13 = fma(x, vec4f(w12.y), a13);
          a14 = fma(x, vec4f(w12.z), a14);
          a15 = fma(x, vec4f(w12.w), a15);
        }
        start += vec4i(plane);
        tap += taps;
      }
    }
  }

  let y = u * k.ratioY + phaseY;
  let x = v * k.ratioX + phaseX;
  if (y >= k.height || x >= k.width) { return; }
  store(a0, n, group, first, y, x);
  if (CHANNELS > 1u) {
    store(a1, n, group, first + 1, y, x);
    store(a2, n, group, first + 2, y, x);
    store(a3, n, group, first + 3, y, x);
  }
  if (CHANNELS > 4u) {
    store(a4, n, group, first + 4, y, x);
    store(a5, n, group, first + 5, y, x);
    store(a6, n, group, first + 6, y, x);
    store(a7, n, group, first + 7, y, x);
  }
  if (CHANNELS > 8u) {
    store(a8, n, group, first + 8, y, x);
    store(a9, n, group, first + 9, y, x);
    store(a10, n, group, first + 10, y, x);
    store(a11, n, group, first + 11, y, x);
    store(a12, n, group, first + 12, y, x);
    store(a13, n, group, first + 13, y, x);
    store(a14, n, group, first + 14, y, x);
    store(a15, n, group, first + 15, y, x);
  }
}
`;

/** shaders/conv_tile_3x3.wgsl */
export const convTile3x3: string = /* wgsl */ `// Convolution 3x3 of stride and dilation 1, and its input gradient, without subgroups.
//   written[n, a, y, x] = sum over b, i, j of source[n, b, y - top + i, x - left + j] w(a, b, i, j), zeros outside the source
// A lane takes a tile of 4x4 of four channels: for each summed channel it loads 6x6 pixels once for all nine taps, and
// weights as vec4s over channels, packed by conv_pack_weights.wgsl (for the gradient with taps reversed). A sum is touched once a
// channel and not once a tap. Lanes run over n and tiles. Workgroups: x lanes, y group and block of channels.
// Tested by test/core/conv.devices.test.ts.
struct Geometry {
  lanes: i32, blocksY: i32, blocksX: i32, channelBlocks: i32,
  sourceChannels: i32, sourceHeight: i32, sourceWidth: i32, inputs: i32,
  channels: i32, height: i32, width: i32, outputs: i32,
  top: i32, left: i32,
  // Distance in vec4s between groups in the packed weights.
  weightGroup: i32,
}

@group(0) @binding(0) var<uniform> k: Geometry;
@group(0) @binding(1) var<storage, read> source: array<f32>;
@group(0) @binding(2) var<storage, read> packed: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> written: array<f32>;

// The six columns that a tile reads, clamped, and which of them are inside.
struct Columns { a: vec4i, b: vec2i, inA: vec4<bool>, inB: vec2<bool> }

// Pixels under the left, middle and right tap of four neighbours.
struct Row { l: vec4f, m: vec4f, r: vec4f }

fn readRow(start: i32, inside: bool, at: Columns) -> Row {
  let i = start + at.a;
  let j = start + at.b;
  let a = select(vec4f(), vec4f(source[i.x], source[i.y], source[i.z], source[i.w]), at.inA & vec4<bool>(inside));
  let b = select(vec2f(), vec2f(source[j.x], source[j.y]), at.inB & vec2<bool>(inside));
  return Row(a, vec4f(a.yzw, b.x), vec4f(a.zw, b));
}

fn across(row: Row, l: f32, m: f32, r: f32) -> vec4f {
  return row.l * l + row.m * m + row.r * r;
}

fn storeRow(value: vec4f, to: i32, x: i32) {
  written[to] = value.x;
  if (x + 1 < k.width) { written[to + 1] = value.y; }
  if (x + 2 < k.width) { written[to + 2] = value.z; }
  if (x + 3 < k.width) { written[to + 3] = value.w; }
}

fn store(v0: vec4f, v1: vec4f, v2: vec4f, v3: vec4f, output: i32, plane: i32, y: i32, x: i32) {
  if (output >= k.outputs) { return; }
  let to = ((plane + output) * k.height + y) * k.width + x;
  storeRow(v0, to, x);
  if (y + 1 < k.height) { storeRow(v1, to + k.width, x); }
  if (y + 2 < k.height) { storeRow(v2, to + 2 * k.width, x); }
  if (y + 3 < k.height) { storeRow(v3, to + 3 * k.width, x); }
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) local: u32) {
  let id = i32(workgroup.x * 64u + local);
  if (id >= k.lanes) { return; }
  let x = id % k.blocksX * 4;
  let y = id / k.blocksX % k.blocksY * 4;
  let n = id / (k.blocksX * k.blocksY);
  let group = i32(workgroup.y) / k.channelBlocks;
  let block = i32(workgroup.y) % k.channelBlocks;
  let first = block * 4;
  let height = k.sourceHeight;
  let width = k.sourceWidth;
  let inputs = k.inputs;

  let a = vec4i(x - k.left) + vec4i(0, 1, 2, 3);
  let b = a.zw + 2;
  let last = width - 1;
  let at = Columns(
    clamp(a, vec4i(0), vec4i(last)), clamp(b, vec2i(0), vec2i(last)),
    (a >= vec4i(0)) & (a <= vec4i(last)), (b >= vec2i(0)) & (b <= vec2i(last)),
  );
  let top = y - k.top;
  let in0 = top >= 0 && top < height;
  let in1 = top + 1 >= 0 && top + 1 < height;
  let in2 = top + 2 >= 0 && top + 2 < height;
  let in3 = top + 3 >= 0 && top + 3 < height;
  let in4 = top + 4 >= 0 && top + 4 < height;
  let in5 = top + 5 >= 0 && top + 5 < height;
  let row0 = clamp(top, 0, height - 1) * width;
  let row1 = clamp(top + 1, 0, height - 1) * width;
  let row2 = clamp(top + 2, 0, height - 1) * width;
  let row3 = clamp(top + 3, 0, height - 1) * width;
  let row4 = clamp(top + 4, 0, height - 1) * width;
  let row5 = clamp(top + 5, 0, height - 1) * width;
  var s0_0 = vec4f(); var s0_1 = vec4f(); var s0_2 = vec4f(); var s0_3 = vec4f();
  var s1_0 = vec4f(); var s1_1 = vec4f(); var s1_2 = vec4f(); var s1_3 = vec4f();
  var s2_0 = vec4f(); var s2_1 = vec4f(); var s2_2 = vec4f(); var s2_3 = vec4f();
  var s3_0 = vec4f(); var s3_1 = vec4f(); var s3_2 = vec4f(); var s3_3 = vec4f();
  var base = (n * k.sourceChannels + group * inputs) * height * width;
  var near = k.weightGroup * group + block * inputs * 9;
  for (var c = 0; c < inputs; c++) {
    let r0 = readRow(base + row0, in0, at);
    let r1 = readRow(base + row1, in1, at);
    let r2 = readRow(base + row2, in2, at);
    let r3 = readRow(base + row3, in3, at);
    let r4 = readRow(base + row4, in4, at);
    let r5 = readRow(base + row5, in5, at);
    let w0 = packed[near];
    let w1 = packed[near + 1];
    let w2 = packed[near + 2];
    let w3 = packed[near + 3];
    let w4 = packed[near + 4];
    let w5 = packed[near + 5];
    let w6 = packed[near + 6];
    let w7 = packed[near + 7];
    let w8 = packed[near + 8];
    s0_0 += across(r0, w0.x, w1.x, w2.x) + across(r1, w3.x, w4.x, w5.x) + across(r2, w6.x, w7.x, w8.x);
    s0_1 += across(r1, w0.x, w1.x, w2.x) + across(r2, w3.x, w4.x, w5.x) + across(r3, w6.x, w7.x, w8.x);
    s0_2 += across(r2, w0.x, w1.x, w2.x) + across(r3, w3.x, w4.x, w5.x) + across(r4, w6.x, w7.x, w8.x);
    s0_3 += across(r3, w0.x, w1.x, w2.x) + across(r4, w3.x, w4.x, w5.x) + across(r5, w6.x, w7.x, w8.x);
    s1_0 += across(r0, w0.y, w1.y, w2.y) + across(r1, w3.y, w4.y, w5.y) + across(r2, w6.y, w7.y, w8.y);
    s1_1 += across(r1, w0.y, w1.y, w2.y) + across(r2, w3.y, w4.y, w5.y) + across(r3, w6.y, w7.y, w8.y);
    s1_2 += across(r2, w0.y, w1.y, w2.y) + across(r3, w3.y, w4.y, w5.y) + across(r4, w6.y, w7.y, w8.y);
    s1_3 += across(r3, w0.y, w1.y, w2.y) + across(r4, w3.y, w4.y, w5.y) + across(r5, w6.y, w7.y, w8.y);
    s2_0 += across(r0, w0.z, w1.z, w2.z) + across(r1, w3.z, w4.z, w5.z) + across(r2, w6.z, w7.z, w8.z);
    s2_1 += across(r1, w0.z, w1.z, w2.z) + across(r2, w3.z, w4.z, w5.z) + across(r3, w6.z, w7.z, w8.z);
    s2_2 += across(r2, w0.z, w1.z, w2.z) + across(r3, w3.z, w4.z, w5.z) + across(r4, w6.z, w7.z, w8.z);
    s2_3 += across(r3, w0.z, w1.z, w2.z) + across(r4, w3.z, w4.z, w5.z) + across(r5, w6.z, w7.z, w8.z);
    s3_0 += across(r0, w0.w, w1.w, w2.w) + across(r1, w3.w, w4.w, w5.w) + across(r2, w6.w, w7.w, w8.w);
    s3_1 += across(r1, w0.w, w1.w, w2.w) + across(r2, w3.w, w4.w, w5.w) + across(r3, w6.w, w7.w, w8.w);
    s3_2 += across(r2, w0.w, w1.w, w2.w) + across(r3, w3.w, w4.w, w5.w) + across(r4, w6.w, w7.w, w8.w);
    s3_3 += across(r3, w0.w, w1.w, w2.w) + across(r4, w3.w, w4.w, w5.w) + across(r5, w6.w, w7.w, w8.w);
    base += height * width;
    near += 9;
  }

  let plane = n * k.channels + group * k.outputs;
  store(s0_0, s0_1, s0_2, s0_3, first, plane, y, x);
  store(s1_0, s1_1, s1_2, s1_3, first + 1, plane, y, x);
  store(s2_0, s2_1, s2_2, s2_3, first + 2, plane, y, x);
  store(s3_0, s3_1, s3_2, s3_3, first + 3, plane, y, x);
}
`;

/** shaders/conv_tile_subgroups.wgsl */
export const convTileSubgroups: string = /* wgsl */ `// Convolution and its input gradient for every geometry, with weights loaded one a lane and spread by subgroup broadcasts.
//   written[n, a, y, x] = sum over b, i, j of source[n, b, y', x'] w(a, b, i, j), zeros outside the source
// Forward: the source is x, y' = y sy - top + i dy. Input gradient: the source is g, y' = (y + top - i dy) / sy where whole. Both
// are y = u ratioY + phase, y' = u strideY + (phase + originY + i stepY) / ratioY: the gradient of a strided convolution is a
// unit-stride one for each phase (y mod sy, x mod sx), and taps that miss a phase are skipped whole.
// A lane takes four values of u in one column, and CHANNELS written channels; lanes run over n, blocks of u and columns, so that
// small images fill them too. Workgroups: x lanes, y group and block of channels, z phase.
// Tested by test/core/conv.devices.test.ts.
enable subgroups;

struct Geometry {
  lanes: i32, blocks: i32, columns: i32, channelBlocks: i32,
  sourceChannels: i32, sourceHeight: i32, sourceWidth: i32, inputs: i32,
  channels: i32, height: i32, width: i32, outputs: i32,
  kh: i32, kw: i32, strideY: i32, strideX: i32,
  originY: i32, originX: i32, stepY: i32, stepX: i32,
  ratioY: i32, ratioX: i32,
  // Distances in w between groups, written channels, summed channels.
  weightGroup: i32, weightOut: i32, weightIn: i32,
}

@group(0) @binding(0) var<uniform> k: Geometry;
@group(0) @binding(1) var<storage, read> source: array<f32>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read_write> written: array<f32>;

// 1, 4, 8 or 16.
override CHANNELS: u32 = 8;
// Subgroups have eight lanes or more, so that one load brings the weights of eight channels.
override WIDE: bool = true;

fn spread(value: f32) -> vec4f {
  return vec4f(subgroupBroadcast(value, 0u), subgroupBroadcast(value, 1u), subgroupBroadcast(value, 2u), subgroupBroadcast(value, 3u));
}

fn spreadUpper(value: f32) -> vec4f {
  return vec4f(subgroupBroadcast(value, 4u), subgroupBroadcast(value, 5u), subgroupBroadcast(value, 6u), subgroupBroadcast(value, 7u));
}

fn store(value: vec4f, n: i32, group: i32, output: i32, y: i32, x: i32) {
  if (output >= k.outputs) { return; }
  let to = ((n * k.channels + group * k.outputs + output) * k.height + y) * k.width + x;
  let next = k.ratioY * k.width;
  written[to] = value.x;
  if (y + k.ratioY < k.height) { written[to + next] = value.y; }
  if (y + 2 * k.ratioY < k.height) { written[to + 2 * next] = value.z; }
  if (y + 3 * k.ratioY < k.height) { written[to + 3 * next] = value.w; }
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(local_invocation_index) local: u32,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  // Lanes beyond the last one repeat it and store nothing: broadcasts need all lanes of a subgroup.
  let id = i32(workgroup.x * 64u + local);
  let at = min(id, k.lanes - 1);
  let v = at % k.columns;
  let u = (at / k.columns) % k.blocks * 4;
  let n = at / (k.columns * k.blocks);
  let group = i32(workgroup.y) / k.channelBlocks;
  let first = i32(workgroup.y) % k.channelBlocks * i32(CHANNELS);
  let phaseY = i32(workgroup.z) / k.ratioX;
  let phaseX = i32(workgroup.z) % k.ratioX;

  var mine = first;
  if (CHANNELS > 1u) { mine += i32(select(lane & 3u, lane & 7u, WIDE)); }
  let near = k.weightGroup * group + min(mine, k.outputs - 1) * k.weightOut;
  let next4 = k.weightGroup * group + min(mine + 4, k.outputs - 1) * k.weightOut;
  let next8 = k.weightGroup * group + min(mine + 8, k.outputs - 1) * k.weightOut;
  let next12 = k.weightGroup * group + min(mine + 12, k.outputs - 1) * k.weightOut;

  let plane = k.sourceHeight * k.sourceWidth;
  let base = (n * k.sourceChannels + group * k.inputs) * plane;
  var a0 = vec4f(); var a1 = vec4f(); var a2 = vec4f(); var a3 = vec4f();
  var a4 = vec4f(); var a5 = vec4f(); var a6 = vec4f(); var a7 = vec4f();
  var a8 = vec4f(); var a9 = vec4f(); var a10 = vec4f(); var a11 = vec4f();
  var a12 = vec4f(); var a13 = vec4f(); var a14 = vec4f(); var a15 = vec4f();
  for (var i = 0; i < k.kh; i++) {
    let offsetY = phaseY + k.originY + i * k.stepY;
    if (offsetY % k.ratioY != 0) { continue; }
    let row = (u + vec4i(0, 1, 2, 3)) * k.strideY + offsetY / k.ratioY;
    let rowInside = (row >= vec4i(0)) & (row < vec4i(k.sourceHeight));
    let rowStart = base + clamp(row, vec4i(0), vec4i(k.sourceHeight - 1)) * k.sourceWidth;
    for (var j = 0; j < k.kw; j++) {
      let offsetX = phaseX + k.originX + j * k.stepX;
      if (offsetX % k.ratioX != 0) { continue; }
      let column = v * k.strideX + offsetX / k.ratioX;
      let inside = rowInside & vec4<bool>(column >= 0 && column < k.sourceWidth);
      var start = rowStart + clamp(column, 0, k.sourceWidth - 1);
      var tap = i * k.kw + j;
      for (var c = 0; c < k.inputs; c++) {
        let x = select(vec4f(), vec4f(source[start.x], source[start.y], source[start.z], source[start.w]), inside);
        let w = weight[near + tap];
        if (CHANNELS == 1u) {
          a0 = fma(x, vec4f(w), a0);
        } else {
          let w0 = spread(w);
          a0 = fma(x, vec4f(w0.x), a0);
          a1 = fma(x, vec4f(w0.y), a1);
          a2 = fma(x, vec4f(w0.z), a2);
          a3 = fma(x, vec4f(w0.w), a3);
        }
        if (CHANNELS > 4u) {
          var w4: vec4f;
          if (WIDE) { w4 = spreadUpper(w); } else { w4 = spread(weight[next4 + tap]); }
          a4 = fma(x, vec4f(w4.x), a4);
          a5 = fma(x, vec4f(w4.y), a5);
          a6 = fma(x, vec4f(w4.z), a6);
          a7 = fma(x, vec4f(w4.w), a7);
        }
        if (CHANNELS > 8u) {
          let far = weight[next8 + tap];
          let w8 = spread(far);
          a8 = fma(x, vec4f(w8.x), a8);
          a9 = fma(x, vec4f(w8.y), a9);
          a10 = fma(x, vec4f(w8.z), a10);
          a11 = fma(x, vec4f(w8.w), a11);
          var w12: vec4f;
          if (WIDE) { w12 = spreadUpper(far); } else { w12 = spread(weight[next12 + tap]); }
          a12 = fma(x, vec4f(w12.x), a12);
          a13 = fma(x, vec4f(w12.y), a13);
          a14 = fma(x, vec4f(w12.z), a14);
          a15 = fma(x, vec4f(w12.w), a15);
        }
        start += vec4i(plane);
        tap += k.weightIn;
      }
    }
  }

  let y = u * k.ratioY + phaseY;
  let x = v * k.ratioX + phaseX;
  if (id >= k.lanes || y >= k.height || x >= k.width) { return; }
  store(a0, n, group, first, y, x);
  if (CHANNELS > 1u) {
    store(a1, n, group, first + 1, y, x);
    store(a2, n, group, first + 2, y, x);
    store(a3, n, group, first + 3, y, x);
  }
  if (CHANNELS > 4u) {
    store(a4, n, group, first + 4, y, x);
    store(a5, n, group, first + 5, y, x);
    store(a6, n, group, first + 6, y, x);
    store(a7, n, group, first + 7, y, x);
  }
  if (CHANNELS > 8u) {
    store(a8, n, group, first + 8, y, x);
    store(a9, n, group, first + 9, y, x);
    store(a10, n, group, first + 10, y, x);
    store(a11, n, group, first + 11, y, x);
    store(a12, n, group, first + 12, y, x);
    store(a13, n, group, first + 13, y, x);
    store(a14, n, group, first + 14, y, x);
    store(a15, n, group, first + 15, y, x);
  }
}
`;

/** shaders/cross_entropy.wgsl */
export const crossEntropy: string = /* wgsl */ `// Cross-entropy of each row: loss = log sum e^(x - max) - (x[label] - max), logits x [rows, k], labels [rows] as floats.
// \`forward\` also keeps normaliser [2, rows] (max and log sum e^(x - max)), from which \`gradient\` writes
//   gx = (e^(x - max - log sum) - [i = label]) g[row].
// A label that is no class has a one-hot row of zeros, as in the composite: loss 0 and no gradient.
// \`forward\` and \`gradient\` take one invocation a row (long rows on a GPU: softmax_rows.wgsl), \`longGradient\` one workgroup a row.
// Tested by test/core/fused.devices.test.ts.
struct Rows { rows: u32, k: u32 }

@group(0) @binding(0) var<uniform> size: Rows;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> labels: array<f32>;
@group(0) @binding(3) var<storage, read_write> loss: array<f32>;
@group(0) @binding(4) var<storage, read_write> normaliser: array<f32>;

override LANES: u32 = 64;

fn isClass(label: f32) -> bool {
  return label >= 0.0 && label < f32(size.k) && floor(label) == label;
}

// A row's maximum and sum e^(x - max) in one pass: what has been summed is scaled anew where eight more elements have a larger maximum.
// The maximum starts at the least finite number, so that a row may begin with minus infinity.
@compute @workgroup_size(LANES)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = (group.y * groups.x + group.x) * LANES + lane;
  if (row >= size.rows) { return; }
  let start = row * size.k;
  let end = start + size.k;
  var best = max(x[start], -3.4028234e38);
  var sum = 0.0;
  var i = start;
  for (; i + 8u <= end; i += 8u) {
    let u = vec4f(x[i], x[i + 1u], x[i + 2u], x[i + 3u]);
    let v = vec4f(x[i + 4u], x[i + 5u], x[i + 6u], x[i + 7u]);
    let w = max(u, v);
    let top = max(best, max(max(w.x, w.y), max(w.z, w.w)));
    let e = exp(u - top) + exp(v - top);
    sum = sum * exp(best - top) + ((e.x + e.y) + (e.z + e.w));
    best = top;
  }
  for (; i < end; i++) {
    let top = max(best, x[i]);
    sum = sum * exp(best - top) + exp(x[i] - top);
    best = top;
  }
  let shift = log(sum);
  let label = labels[row];
  let at = select(0u, u32(max(label, 0.0)), isClass(label));
  loss[row] = select(0.0, shift - (x[start + at] - best), isClass(label));
  normaliser[row] = best;
  normaliser[size.rows + row] = shift;
}

@group(0) @binding(3) var<storage, read> normalised: array<f32>;
@group(0) @binding(4) var<storage, read> g: array<f32>;
@group(0) @binding(5) var<storage, read_write> gx: array<f32>;

// Elements first, first + step, ... of a row.
fn rowGradient(row: u32, first: u32, step: u32) {
  let label = labels[row];
  let factor = select(0.0, g[row], isClass(label));
  let best = normalised[row];
  let shift = normalised[size.rows + row];
  let start = row * size.k;
  for (var i = first; i < size.k; i += step) {
    let p = exp(x[start + i] - best - shift);
    gx[start + i] = (p - select(0.0, 1.0, f32(i) == label)) * factor;
  }
}

@compute @workgroup_size(LANES)
fn gradient(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = (group.y * groups.x + group.x) * LANES + lane;
  if (row < size.rows) { rowGradient(row, 0u, 1u); }
}

@compute @workgroup_size(LANES)
fn longGradient(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = group.y * groups.x + group.x;
  if (row < size.rows) { rowGradient(row, lane, LANES); }
}
`;

/** shaders/matmul.wgsl */
export const matmul: string = /* wgsl */ `// c[z, i, j] = sum_l a[z, i, l] b[z, l, j], one invocation an output element: the plain kernel, for shapes too small for tiles.
// a and b are walked by strides (row, column), so that transposes need no copy. c: [batch, m, n] dense.
// Tested by test/core/ops.devices.test.ts.
struct Params {
  m: u32, n: u32, k: u32, batch: u32,
  aRow: u32, aColumn: u32, bRow: u32, bColumn: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> c: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let id = (group.y * groups.x + group.x) * 64u + lane;
  if (id >= p.batch * p.m * p.n) { return; }
  let j = id % p.n;
  let i = id / p.n % p.m;
  let z = id / (p.n * p.m);
  let fromA = z * p.m * p.k + i * p.aRow;
  let fromB = z * p.k * p.n + j * p.bColumn;
  var sum = 0.0;
  for (var l = 0u; l < p.k; l++) {
    sum += a[fromA + l * p.aColumn] * b[fromB + l * p.bRow];
  }
  c[id] = sum;
}
`;

/** shaders/matmul_subgroups.wgsl */
export const matmulSubgroups: string = /* wgsl */ `// c[z, i, j] = sum_l a[z, i, l] b[z, l, j]. Sixteen rows by eight columns of sums an invocation, a subgroup of
// eight or more lanes a workgroup.
// a is walked by strides (row, column), so that its transpose needs no copy; b: [batch, k, n] and c: [batch, m, n] dense.
// Lanes run along n, so that neighbours load neighbours of b; a is loaded one row a lane and spread by subgroupBroadcast.
// Rows and columns beyond the edge repeat the last one and are not stored, so that the loop has no branch.
// Tested by test/core/ops.devices.test.ts and test/backends/webgpu/kernels/matmul.webgpu.test.ts.
enable subgroups;

struct Params {
  m: u32, n: u32, k: u32,
  aRow: u32, aColumn: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> c: array<f32>;

// The size of the subgroup, eight or more.
override LANES: u32 = 8;

fn store(row: u32, j: u32, left: vec4f, right: vec4f) {
  for (var q = 0u; q < 4u; q++) {
    if (j + q * LANES < p.n) { c[row + j + q * LANES] = left[q]; }
    if (j + (q + 4u) * LANES < p.n) { c[row + j + (q + 4u) * LANES] = right[q]; }
  }
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = group.y * 16u;
  let j = group.x * LANES * 8u + lane;
  let end = vec4u(p.n - 1u);
  let left = min(vec4u(j, j + LANES, j + 2u * LANES, j + 3u * LANES), end) + group.z * p.k * p.n;
  let right = min(vec4u(j, j + LANES, j + 2u * LANES, j + 3u * LANES) + 4u * LANES, end) + group.z * p.k * p.n;
  let first = group.z * p.m * p.k;
  // Rows i to i + 7 and i + 8 to i + 15, one a lane (lanes beyond the eighth repeat them).
  let upper = first + min(i + lane % 8u, p.m - 1u) * p.aRow;
  let lower = first + min(i + 8u + lane % 8u, p.m - 1u) * p.aRow;
  var s0 = vec4f();
  var t0 = vec4f();
  var s1 = vec4f();
  var t1 = vec4f();
  var s2 = vec4f();
  var t2 = vec4f();
  var s3 = vec4f();
  var t3 = vec4f();
  var s4 = vec4f();
  var t4 = vec4f();
  var s5 = vec4f();
  var t5 = vec4f();
  var s6 = vec4f();
  var t6 = vec4f();
  var s7 = vec4f();
  var t7 = vec4f();
  var s8 = vec4f();
  var t8 = vec4f();
  var s9 = vec4f();
  var t9 = vec4f();
  var s10 = vec4f();
  var t10 = vec4f();
  var s11 = vec4f();
  var t11 = vec4f();
  var s12 = vec4f();
  var t12 = vec4f();
  var s13 = vec4f();
  var t13 = vec4f();
  var s14 = vec4f();
  var t14 = vec4f();
  var s15 = vec4f();
  var t15 = vec4f();
  for (var l = 0u; l < p.k; l++) {
    let u = a[upper + l * p.aColumn];
    let w = a[lower + l * p.aColumn];
    let y = left + l * p.n;
    let z = right + l * p.n;
    let v = vec4f(b[y.x], b[y.y], b[y.z], b[y.w]);
    let x = vec4f(b[z.x], b[z.y], b[z.z], b[z.w]);
    var e: vec4f;
    e = vec4f(subgroupBroadcast(u, 0u));
    s0 = fma(e, v, s0);
    t0 = fma(e, x, t0);
    e = vec4f(subgroupBroadcast(u, 1u));
    s1 = fma(e, v, s1);
    t1 = fma(e, x, t1);
    e = vec4f(subgroupBroadcast(u, 2u));
    s2 = fma(e, v, s2);
    t2 = fma(e, x, t2);
    e = vec4f(subgroupBroadcast(u, 3u));
    s3 = fma(e, v, s3);
    t3 = fma(e, x, t3);
    e = vec4f(subgroupBroadcast(u, 4u));
    s4 = fma(e, v, s4);
    t4 = fma(e, x, t4);
    e = vec4f(subgroupBroadcast(u, 5u));
    s5 = fma(e, v, s5);
    t5 = fma(e, x, t5);
    e = vec4f(subgroupBroadcast(u, 6u));
    s6 = fma(e, v, s6);
    t6 = fma(e, x, t6);
    e = vec4f(subgroupBroadcast(u, 7u));
    s7 = fma(e, v, s7);
    t7 = fma(e, x, t7);
    e = vec4f(subgroupBroadcast(w, 0u));
    s8 = fma(e, v, s8);
    t8 = fma(e, x, t8);
    e = vec4f(subgroupBroadcast(w, 1u));
    s9 = fma(e, v, s9);
    t9 = fma(e, x, t9);
    e = vec4f(subgroupBroadcast(w, 2u));
    s10 = fma(e, v, s10);
    t10 = fma(e, x, t10);
    e = vec4f(subgroupBroadcast(w, 3u));
    s11 = fma(e, v, s11);
    t11 = fma(e, x, t11);
    e = vec4f(subgroupBroadcast(w, 4u));
    s12 = fma(e, v, s12);
    t12 = fma(e, x, t12);
    e = vec4f(subgroupBroadcast(w, 5u));
    s13 = fma(e, v, s13);
    t13 = fma(e, x, t13);
    e = vec4f(subgroupBroadcast(w, 6u));
    s14 = fma(e, v, s14);
    t14 = fma(e, x, t14);
    e = vec4f(subgroupBroadcast(w, 7u));
    s15 = fma(e, v, s15);
    t15 = fma(e, x, t15);
  }
  let to = group.z * p.m * p.n + i * p.n;
  store(to, j, s0, t0);
  if (i + 1u < p.m) { store(to + 1u * p.n, j, s1, t1); }
  if (i + 2u < p.m) { store(to + 2u * p.n, j, s2, t2); }
  if (i + 3u < p.m) { store(to + 3u * p.n, j, s3, t3); }
  if (i + 4u < p.m) { store(to + 4u * p.n, j, s4, t4); }
  if (i + 5u < p.m) { store(to + 5u * p.n, j, s5, t5); }
  if (i + 6u < p.m) { store(to + 6u * p.n, j, s6, t6); }
  if (i + 7u < p.m) { store(to + 7u * p.n, j, s7, t7); }
  if (i + 8u < p.m) { store(to + 8u * p.n, j, s8, t8); }
  if (i + 9u < p.m) { store(to + 9u * p.n, j, s9, t9); }
  if (i + 10u < p.m) { store(to + 10u * p.n, j, s10, t10); }
  if (i + 11u < p.m) { store(to + 11u * p.n, j, s11, t11); }
  if (i + 12u < p.m) { store(to + 12u * p.n, j, s12, t12); }
  if (i + 13u < p.m) { store(to + 13u * p.n, j, s13, t13); }
  if (i + 14u < p.m) { store(to + 14u * p.n, j, s14, t14); }
  if (i + 15u < p.m) { store(to + 15u * p.n, j, s15, t15); }
}
`;

/** shaders/matmul_subgroups4.wgsl */
export const matmulSubgroups4: string = /* wgsl */ `// c[z, i, j] = sum_l a[z, i, l] b[z, l, j]. Sixteen rows by eight columns of sums an invocation, a subgroup of
// four lanes a workgroup.
// a is walked by strides (row, column), so that its transpose needs no copy; b: [batch, k, n] and c: [batch, m, n] dense.
// Lanes run along n, so that neighbours load neighbours of b; a is loaded four elements of a row at a time, one a lane, and spread by
// subgroupBroadcast.
// Rows and columns beyond the edge repeat the last one and are not stored, so that the loop has no branch.
// Tested by test/core/ops.devices.test.ts and test/backends/webgpu/kernels/matmul.webgpu.test.ts.
enable subgroups;

struct Params {
  m: u32, n: u32, k: u32,
  aRow: u32, aColumn: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> c: array<f32>;

const LANES = 4u;

fn store(row: u32, j: u32, left: vec4f, right: vec4f) {
  for (var q = 0u; q < 4u; q++) {
    if (j + q * LANES < p.n) { c[row + j + q * LANES] = left[q]; }
    if (j + (q + 4u) * LANES < p.n) { c[row + j + (q + 4u) * LANES] = right[q]; }
  }
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = group.y * 16u;
  let j = group.x * LANES * 8u + lane;
  let end = vec4u(p.n - 1u);
  let left = min(vec4u(j, j + LANES, j + 2u * LANES, j + 3u * LANES), end) + group.z * p.k * p.n;
  let right = min(vec4u(j, j + LANES, j + 2u * LANES, j + 3u * LANES) + 4u * LANES, end) + group.z * p.k * p.n;
  let first = group.z * p.m * p.k;
  let r0 = first + min(i + 0u, p.m - 1u) * p.aRow;
  let r1 = first + min(i + 1u, p.m - 1u) * p.aRow;
  let r2 = first + min(i + 2u, p.m - 1u) * p.aRow;
  let r3 = first + min(i + 3u, p.m - 1u) * p.aRow;
  let r4 = first + min(i + 4u, p.m - 1u) * p.aRow;
  let r5 = first + min(i + 5u, p.m - 1u) * p.aRow;
  let r6 = first + min(i + 6u, p.m - 1u) * p.aRow;
  let r7 = first + min(i + 7u, p.m - 1u) * p.aRow;
  let r8 = first + min(i + 8u, p.m - 1u) * p.aRow;
  let r9 = first + min(i + 9u, p.m - 1u) * p.aRow;
  let r10 = first + min(i + 10u, p.m - 1u) * p.aRow;
  let r11 = first + min(i + 11u, p.m - 1u) * p.aRow;
  let r12 = first + min(i + 12u, p.m - 1u) * p.aRow;
  let r13 = first + min(i + 13u, p.m - 1u) * p.aRow;
  let r14 = first + min(i + 14u, p.m - 1u) * p.aRow;
  let r15 = first + min(i + 15u, p.m - 1u) * p.aRow;
  var s0 = vec4f();
  var t0 = vec4f();
  var s1 = vec4f();
  var t1 = vec4f();
  var s2 = vec4f();
  var t2 = vec4f();
  var s3 = vec4f();
  var t3 = vec4f();
  var s4 = vec4f();
  var t4 = vec4f();
  var s5 = vec4f();
  var t5 = vec4f();
  var s6 = vec4f();
  var t6 = vec4f();
  var s7 = vec4f();
  var t7 = vec4f();
  var s8 = vec4f();
  var t8 = vec4f();
  var s9 = vec4f();
  var t9 = vec4f();
  var s10 = vec4f();
  var t10 = vec4f();
  var s11 = vec4f();
  var t11 = vec4f();
  var s12 = vec4f();
  var t12 = vec4f();
  var s13 = vec4f();
  var t13 = vec4f();
  var s14 = vec4f();
  var t14 = vec4f();
  var s15 = vec4f();
  var t15 = vec4f();
  for (var l = 0u; l < p.k; l += 4u) {
    // Beyond the end of a row there are zeros, so that whatever b has there adds nothing.
    let inside = l + lane < p.k;
    let x = min(l + lane, p.k - 1u) * p.aColumn;
    let a0 = select(0.0, a[r0 + x], inside);
    let a1 = select(0.0, a[r1 + x], inside);
    let a2 = select(0.0, a[r2 + x], inside);
    let a3 = select(0.0, a[r3 + x], inside);
    let a4 = select(0.0, a[r4 + x], inside);
    let a5 = select(0.0, a[r5 + x], inside);
    let a6 = select(0.0, a[r6 + x], inside);
    let a7 = select(0.0, a[r7 + x], inside);
    let a8 = select(0.0, a[r8 + x], inside);
    let a9 = select(0.0, a[r9 + x], inside);
    let a10 = select(0.0, a[r10 + x], inside);
    let a11 = select(0.0, a[r11 + x], inside);
    let a12 = select(0.0, a[r12 + x], inside);
    let a13 = select(0.0, a[r13 + x], inside);
    let a14 = select(0.0, a[r14 + x], inside);
    let a15 = select(0.0, a[r15 + x], inside);
    let y0 = min(l + 0u, p.k - 1u) * p.n;
    let v0 = vec4f(b[left.x + y0], b[left.y + y0], b[left.z + y0], b[left.w + y0]);
    let w0 = vec4f(b[right.x + y0], b[right.y + y0], b[right.z + y0], b[right.w + y0]);
    s0 = fma(vec4f(subgroupBroadcast(a0, 0u)), v0, s0);
    t0 = fma(vec4f(subgroupBroadcast(a0, 0u)), w0, t0);
    s1 = fma(vec4f(subgroupBroadcast(a1, 0u)), v0, s1);
    t1 = fma(vec4f(subgroupBroadcast(a1, 0u)), w0, t1);
    s2 = fma(vec4f(subgroupBroadcast(a2, 0u)), v0, s2);
    t2 = fma(vec4f(subgroupBroadcast(a2, 0u)), w0, t2);
    s3 = fma(vec4f(subgroupBroadcast(a3, 0u)), v0, s3);
    t3 = fma(vec4f(subgroupBroadcast(a3, 0u)), w0, t3);
    s4 = fma(vec4f(subgroupBroadcast(a4, 0u)), v0, s4);
    t4 = fma(vec4f(subgroupBroadcast(a4, 0u)), w0, t4);
    s5 = fma(vec4f(subgroupBroadcast(a5, 0u)), v0, s5);
    t5 = fma(vec4f(subgroupBroadcast(a5, 0u)), w0, t5);
    s6 = fma(vec4f(subgroupBroadcast(a6, 0u)), v0, s6);
    t6 = fma(vec4f(subgroupBroadcast(a6, 0u)), w0, t6);
    s7 = fma(vec4f(subgroupBroadcast(a7, 0u)), v0, s7);
    t7 = fma(vec4f(subgroupBroadcast(a7, 0u)), w0, t7);
    s8 = fma(vec4f(subgroupBroadcast(a8, 0u)), v0, s8);
    t8 = fma(vec4f(subgroupBroadcast(a8, 0u)), w0, t8);
    s9 = fma(vec4f(subgroupBroadcast(a9, 0u)), v0, s9);
    t9 = fma(vec4f(subgroupBroadcast(a9, 0u)), w0, t9);
    s10 = fma(vec4f(subgroupBroadcast(a10, 0u)), v0, s10);
    t10 = fma(vec4f(subgroupBroadcast(a10, 0u)), w0, t10);
    s11 = fma(vec4f(subgroupBroadcast(a11, 0u)), v0, s11);
    t11 = fma(vec4f(subgroupBroadcast(a11, 0u)), w0, t11);
    s12 = fma(vec4f(subgroupBroadcast(a12, 0u)), v0, s12);
    t12 = fma(vec4f(subgroupBroadcast(a12, 0u)), w0, t12);
    s13 = fma(vec4f(subgroupBroadcast(a13, 0u)), v0, s13);
    t13 = fma(vec4f(subgroupBroadcast(a13, 0u)), w0, t13);
    s14 = fma(vec4f(subgroupBroadcast(a14, 0u)), v0, s14);
    t14 = fma(vec4f(subgroupBroadcast(a14, 0u)), w0, t14);
    s15 = fma(vec4f(subgroupBroadcast(a15, 0u)), v0, s15);
    t15 = fma(vec4f(subgroupBroadcast(a15, 0u)), w0, t15);
    let y1 = min(l + 1u, p.k - 1u) * p.n;
    let v1 = vec4f(b[left.x + y1], b[left.y + y1], b[left.z + y1], b[left.w + y1]);
    let w1 = vec4f(b[right.x + y1], b[right.y + y1], b[right.z + y1], b[right.w + y1]);
    s0 = fma(vec4f(subgroupBroadcast(a0, 1u)), v1, s0);
    t0 = fma(vec4f(subgroupBroadcast(a0, 1u)), w1, t0);
    s1 = fma(vec4f(subgroupBroadcast(a1, 1u)), v1, s1);
    t1 = fma(vec4f(subgroupBroadcast(a1, 1u)), w1, t1);
    s2 = fma(vec4f(subgroupBroadcast(a2, 1u)), v1, s2);
    t2 = fma(vec4f(subgroupBroadcast(a2, 1u)), w1, t2);
    s3 = fma(vec4f(subgroupBroadcast(a3, 1u)), v1, s3);
    t3 = fma(vec4f(subgroupBroadcast(a3, 1u)), w1, t3);
    s4 = fma(vec4f(subgroupBroadcast(a4, 1u)), v1, s4);
    t4 = fma(vec4f(subgroupBroadcast(a4, 1u)), w1, t4);
    s5 = fma(vec4f(subgroupBroadcast(a5, 1u)), v1, s5);
    t5 = fma(vec4f(subgroupBroadcast(a5, 1u)), w1, t5);
    s6 = fma(vec4f(subgroupBroadcast(a6, 1u)), v1, s6);
    t6 = fma(vec4f(subgroupBroadcast(a6, 1u)), w1, t6);
    s7 = fma(vec4f(subgroupBroadcast(a7, 1u)), v1, s7);
    t7 = fma(vec4f(subgroupBroadcast(a7, 1u)), w1, t7);
    s8 = fma(vec4f(subgroupBroadcast(a8, 1u)), v1, s8);
    t8 = fma(vec4f(subgroupBroadcast(a8, 1u)), w1, t8);
    s9 = fma(vec4f(subgroupBroadcast(a9, 1u)), v1, s9);
    t9 = fma(vec4f(subgroupBroadcast(a9, 1u)), w1, t9);
    s10 = fma(vec4f(subgroupBroadcast(a10, 1u)), v1, s10);
    t10 = fma(vec4f(subgroupBroadcast(a10, 1u)), w1, t10);
    s11 = fma(vec4f(subgroupBroadcast(a11, 1u)), v1, s11);
    t11 = fma(vec4f(subgroupBroadcast(a11, 1u)), w1, t11);
    s12 = fma(vec4f(subgroupBroadcast(a12, 1u)), v1, s12);
    t12 = fma(vec4f(subgroupBroadcast(a12, 1u)), w1, t12);
    s13 = fma(vec4f(subgroupBroadcast(a13, 1u)), v1, s13);
    t13 = fma(vec4f(subgroupBroadcast(a13, 1u)), w1, t13);
    s14 = fma(vec4f(subgroupBroadcast(a14, 1u)), v1, s14);
    t14 = fma(vec4f(subgroupBroadcast(a14, 1u)), w1, t14);
    s15 = fma(vec4f(subgroupBroadcast(a15, 1u)), v1, s15);
    t15 = fma(vec4f(subgroupBroadcast(a15, 1u)), w1, t15);
    let y2 = min(l + 2u, p.k - 1u) * p.n;
    let v2 = vec4f(b[left.x + y2], b[left.y + y2], b[left.z + y2], b[left.w + y2]);
    let w2 = vec4f(b[right.x + y2], b[right.y + y2], b[right.z + y2], b[right.w + y2]);
    s0 = fma(vec4f(subgroupBroadcast(a0, 2u)), v2, s0);
    t0 = fma(vec4f(subgroupBroadcast(a0, 2u)), w2, t0);
    s1 = fma(vec4f(subgroupBroadcast(a1, 2u)), v2, s1);
    t1 = fma(vec4f(subgroupBroadcast(a1, 2u)), w2, t1);
    s2 = fma(vec4f(subgroupBroadcast(a2, 2u)), v2, s2);
    t2 = fma(vec4f(subgroupBroadcast(a2, 2u)), w2, t2);
    s3 = fma(vec4f(subgroupBroadcast(a3, 2u)), v2, s3);
    t3 = fma(vec4f(subgroupBroadcast(a3, 2u)), w2, t3);
    s4 = fma(vec4f(subgroupBroadcast(a4, 2u)), v2, s4);
    t4 = fma(vec4f(subgroupBroadcast(a4, 2u)), w2, t4);
    s5 = fma(vec4f(subgroupBroadcast(a5, 2u)), v2, s5);
    t5 = fma(vec4f(subgroupBroadcast(a5, 2u)), w2, t5);
    s6 = fma(vec4f(subgroupBroadcast(a6, 2u)), v2, s6);
    t6 = fma(vec4f(subgroupBroadcast(a6, 2u)), w2, t6);
    s7 = fma(vec4f(subgroupBroadcast(a7, 2u)), v2, s7);
    t7 = fma(vec4f(subgroupBroadcast(a7, 2u)), w2, t7);
    s8 = fma(vec4f(subgroupBroadcast(a8, 2u)), v2, s8);
    t8 = fma(vec4f(subgroupBroadcast(a8, 2u)), w2, t8);
    s9 = fma(vec4f(subgroupBroadcast(a9, 2u)), v2, s9);
    t9 = fma(vec4f(subgroupBroadcast(a9, 2u)), w2, t9);
    s10 = fma(vec4f(subgroupBroadcast(a10, 2u)), v2, s10);
    t10 = fma(vec4f(subgroupBroadcast(a10, 2u)), w2, t10);
    s11 = fma(vec4f(subgroupBroadcast(a11, 2u)), v2, s11);
    t11 = fma(vec4f(subgroupBroadcast(a11, 2u)), w2, t11);
    s12 = fma(vec4f(subgroupBroadcast(a12, 2u)), v2, s12);
    t12 = fma(vec4f(subgroupBroadcast(a12, 2u)), w2, t12);
    s13 = fma(vec4f(subgroupBroadcast(a13, 2u)), v2, s13);
    t13 = fma(vec4f(subgroupBroadcast(a13, 2u)), w2, t13);
    s14 = fma(vec4f(subgroupBroadcast(a14, 2u)), v2, s14);
    t14 = fma(vec4f(subgroupBroadcast(a14, 2u)), w2, t14);
    s15 = fma(vec4f(subgroupBroadcast(a15, 2u)), v2, s15);
    t15 = fma(vec4f(subgroupBroadcast(a15, 2u)), w2, t15);
    let y3 = min(l + 3u, p.k - 1u) * p.n;
    let v3 = vec4f(b[left.x + y3], b[left.y + y3], b[left.z + y3], b[left.w + y3]);
    let w3 = vec4f(b[right.x + y3], b[right.y + y3], b[right.z + y3], b[right.w + y3]);
    s0 = fma(vec4f(subgroupBroadcast(a0, 3u)), v3, s0);
    t0 = fma(vec4f(subgroupBroadcast(a0, 3u)), w3, t0);
    s1 = fma(vec4f(subgroupBroadcast(a1, 3u)), v3, s1);
    t1 = fma(vec4f(subgroupBroadcast(a1, 3u)), w3, t1);
    s2 = fma(vec4f(subgroupBroadcast(a2, 3u)), v3, s2);
    t2 = fma(vec4f(subgroupBroadcast(a2, 3u)), w3, t2);
    s3 = fma(vec4f(subgroupBroadcast(a3, 3u)), v3, s3);
    t3 = fma(vec4f(subgroupBroadcast(a3, 3u)), w3, t3);
    s4 = fma(vec4f(subgroupBroadcast(a4, 3u)), v3, s4);
    t4 = fma(vec4f(subgroupBroadcast(a4, 3u)), w3, t4);
    s5 = fma(vec4f(subgroupBroadcast(a5, 3u)), v3, s5);
    t5 = fma(vec4f(subgroupBroadcast(a5, 3u)), w3, t5);
    s6 = fma(vec4f(subgroupBroadcast(a6, 3u)), v3, s6);
    t6 = fma(vec4f(subgroupBroadcast(a6, 3u)), w3, t6);
    s7 = fma(vec4f(subgroupBroadcast(a7, 3u)), v3, s7);
    t7 = fma(vec4f(subgroupBroadcast(a7, 3u)), w3, t7);
    s8 = fma(vec4f(subgroupBroadcast(a8, 3u)), v3, s8);
    t8 = fma(vec4f(subgroupBroadcast(a8, 3u)), w3, t8);
    s9 = fma(vec4f(subgroupBroadcast(a9, 3u)), v3, s9);
    t9 = fma(vec4f(subgroupBroadcast(a9, 3u)), w3, t9);
    s10 = fma(vec4f(subgroupBroadcast(a10, 3u)), v3, s10);
    t10 = fma(vec4f(subgroupBroadcast(a10, 3u)), w3, t10);
    s11 = fma(vec4f(subgroupBroadcast(a11, 3u)), v3, s11);
    t11 = fma(vec4f(subgroupBroadcast(a11, 3u)), w3, t11);
    s12 = fma(vec4f(subgroupBroadcast(a12, 3u)), v3, s12);
    t12 = fma(vec4f(subgroupBroadcast(a12, 3u)), w3, t12);
    s13 = fma(vec4f(subgroupBroadcast(a13, 3u)), v3, s13);
    t13 = fma(vec4f(subgroupBroadcast(a13, 3u)), w3, t13);
    s14 = fma(vec4f(subgroupBroadcast(a14, 3u)), v3, s14);
    t14 = fma(vec4f(subgroupBroadcast(a14, 3u)), w3, t14);
    s15 = fma(vec4f(subgroupBroadcast(a15, 3u)), v3, s15);
    t15 = fma(vec4f(subgroupBroadcast(a15, 3u)), w3, t15);
  }
  let to = group.z * p.m * p.n + i * p.n;
  store(to, j, s0, t0);
  if (i + 1u < p.m) { store(to + 1u * p.n, j, s1, t1); }
  if (i + 2u < p.m) { store(to + 2u * p.n, j, s2, t2); }
  if (i + 3u < p.m) { store(to + 3u * p.n, j, s3, t3); }
  if (i + 4u < p.m) { store(to + 4u * p.n, j, s4, t4); }
  if (i + 5u < p.m) { store(to + 5u * p.n, j, s5, t5); }
  if (i + 6u < p.m) { store(to + 6u * p.n, j, s6, t6); }
  if (i + 7u < p.m) { store(to + 7u * p.n, j, s7, t7); }
  if (i + 8u < p.m) { store(to + 8u * p.n, j, s8, t8); }
  if (i + 9u < p.m) { store(to + 9u * p.n, j, s9, t9); }
  if (i + 10u < p.m) { store(to + 10u * p.n, j, s10, t10); }
  if (i + 11u < p.m) { store(to + 11u * p.n, j, s11, t11); }
  if (i + 12u < p.m) { store(to + 12u * p.n, j, s12, t12); }
  if (i + 13u < p.m) { store(to + 13u * p.n, j, s13, t13); }
  if (i + 14u < p.m) { store(to + 14u * p.n, j, s14, t14); }
  if (i + 15u < p.m) { store(to + 15u * p.n, j, s15, t15); }
}
`;

/** shaders/matmul_tile.wgsl */
export const matmulTile: string = /* wgsl */ `// c[z, i, j] = sum_l a[z, i, l] b[z, l, j]. Eight rows by four columns of sums an invocation, without subgroups.
// a is walked by strides (row, column), so that its transpose needs no copy; b: [batch, k, n] and c: [batch, m, n] dense.
// Lanes run along n, so that neighbours load neighbours of b; all load the same elements of a.
// Rows and columns beyond the edge repeat the last one and are not stored, so that the loop has no branch.
// Tested by test/core/ops.devices.test.ts and test/backends/webgpu/kernels/matmul.webgpu.test.ts.
struct Params {
  m: u32, n: u32, k: u32,
  aRow: u32, aColumn: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> c: array<f32>;

override LANES: u32 = 8;

fn store(row: u32, j: u32, s: vec4f) {
  for (var q = 0u; q < 4u; q++) {
    if (j + q * LANES < p.n) { c[row + j + q * LANES] = s[q]; }
  }
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = group.y * 8u;
  let j = group.x * LANES * 4u + lane;
  let at = min(vec4u(j, j + LANES, j + 2u * LANES, j + 3u * LANES), vec4u(p.n - 1u)) + group.z * p.k * p.n;
  let first = group.z * p.m * p.k;
  let r0 = first + min(i + 0u, p.m - 1u) * p.aRow;
  let r1 = first + min(i + 1u, p.m - 1u) * p.aRow;
  let r2 = first + min(i + 2u, p.m - 1u) * p.aRow;
  let r3 = first + min(i + 3u, p.m - 1u) * p.aRow;
  let r4 = first + min(i + 4u, p.m - 1u) * p.aRow;
  let r5 = first + min(i + 5u, p.m - 1u) * p.aRow;
  let r6 = first + min(i + 6u, p.m - 1u) * p.aRow;
  let r7 = first + min(i + 7u, p.m - 1u) * p.aRow;
  var s0 = vec4f();
  var s1 = vec4f();
  var s2 = vec4f();
  var s3 = vec4f();
  var s4 = vec4f();
  var s5 = vec4f();
  var s6 = vec4f();
  var s7 = vec4f();
  for (var l = 0u; l < p.k; l++) {
    let x = l * p.aColumn;
    let y = at + l * p.n;
    let v = vec4f(b[y.x], b[y.y], b[y.z], b[y.w]);
    s0 = fma(vec4f(a[r0 + x]), v, s0);
    s1 = fma(vec4f(a[r1 + x]), v, s1);
    s2 = fma(vec4f(a[r2 + x]), v, s2);
    s3 = fma(vec4f(a[r3 + x]), v, s3);
    s4 = fma(vec4f(a[r4 + x]), v, s4);
    s5 = fma(vec4f(a[r5 + x]), v, s5);
    s6 = fma(vec4f(a[r6 + x]), v, s6);
    s7 = fma(vec4f(a[r7 + x]), v, s7);
  }
  let to = group.z * p.m * p.n + i * p.n;
  store(to, j, s0);
  if (i + 1u < p.m) { store(to + 1u * p.n, j, s1); }
  if (i + 2u < p.m) { store(to + 2u * p.n, j, s2); }
  if (i + 3u < p.m) { store(to + 3u * p.n, j, s3); }
  if (i + 4u < p.m) { store(to + 4u * p.n, j, s4); }
  if (i + 5u < p.m) { store(to + 5u * p.n, j, s5); }
  if (i + 6u < p.m) { store(to + 6u * p.n, j, s6); }
  if (i + 7u < p.m) { store(to + 7u * p.n, j, s7); }
}
`;

/** shaders/max_pool.wgsl */
export const maxPool: string = /* wgsl */ `// Maximum of each window and the flat index (y w + x) of its first maximum; padding is never chosen.
//   y[p, q] = max over i, j of x[p sy - top + i dy, q sx - left + j dx], plane by plane, x [planes, h, w]
// \`dense3\` is the 3x3 window of stride and dilation 1: a lane takes four columns of DENSE_ROWS outputs and
// loads each row of pixels once. \`general\` is
// every other geometry: a lane takes four rows of one column. Pixels are visited in row-major order and only a larger value
// replaces the best so far, which starts as -infinity at the window's first pixel inside the image.
// Tested by test/core/fused.devices.test.ts.
struct Geometry {
  h: i32, w: i32, oh: i32, ow: i32,
  kh: i32, kw: i32, sy: i32, sx: i32,
  top: i32, left: i32, dy: i32, dx: i32,
  // Lanes along the height and the width of a plane, and in all; minus infinity, which WGSL cannot write.
  blocksY: i32, blocksX: i32, size: i32, lowest: f32,
}

@group(0) @binding(0) var<uniform> k: Geometry;

// The commonest windows are square, without dilation: as constants they turn divisions into shifts and loops into straight code. 0: the
// uniforms say.
override WINDOW: i32 = 0;
override STRIDE: i32 = 0;

// Rows that a lane of \`dense3\` takes.
override DENSE_ROWS: i32 = 4;

fn windowY() -> i32 { return select(k.kh, WINDOW, WINDOW > 0); }
fn windowX() -> i32 { return select(k.kw, WINDOW, WINDOW > 0); }
fn strideY() -> i32 { return select(k.sy, STRIDE, WINDOW > 0); }
fn strideX() -> i32 { return select(k.sx, STRIDE, WINDOW > 0); }
fn dilationY() -> i32 { return select(k.dy, 1, WINDOW > 0); }
fn dilationX() -> i32 { return select(k.dx, 1, WINDOW > 0); }

@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<storage, read_write> index: array<f32>;

struct Best { value: vec4f, at: vec4i }

fn better(best: Best, value: vec4f, at: vec4i) -> Best {
  let wins = value > best.value;
  return Best(select(best.value, value, wins), select(best.at, at, wins));
}

// Whether the indices are wanted: only a gradient needs them. Without, \`index\` is a single element that is not written.
override INDEXED: bool = true;

fn put(to: i32, value: f32, at: i32) {
  y[to] = value;
  if (INDEXED) { index[to] = f32(at); }
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

@compute @workgroup_size(64)
fn dense3(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let id = i32((group.y * groups.x + group.x) * 64u + lane);
  if (id >= k.size) { return; }
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

@compute @workgroup_size(64)
fn general(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let id = i32((group.y * groups.x + group.x) * 64u + lane);
  if (id >= k.size) { return; }
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
`;

/** shaders/max_pool_gradient.wgsl */
export const maxPoolGradient: string = /* wgsl */ `// gx[y, x] = sum of g[p, q] over the windows whose first maximum is pixel (y, x): a gather, since WGSL has no float atomics.
// g, index [planes, oh, ow] -> gx [planes, h, w]; index holds y w + x. \`dense3\` is the
// 3x3 window of stride 1: a lane takes a tile of 4x4 pixels. \`general\`: a lane takes four rows of one column and visits the
// windows that may hold a pixel, those from floor((y + top) / sy) downwards, \`reachY\` of them, likewise along x.
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
@group(0) @binding(2) var<storage, read> index: array<f32>;
@group(0) @binding(3) var<storage, read_write> gx: array<f32>;

fn store(sum: vec4f, plane: i32, y: i32, x: i32) {
  let to = (plane * k.h + y) * k.w + x;
  gx[to] = sum.x;
  if (y + 1 < k.h) { gx[to + k.w] = sum.y; }
  if (y + 2 < k.h) { gx[to + 2 * k.w] = sum.z; }
  if (y + 3 < k.h) { gx[to + 3 * k.w] = sum.w; }
}

// The windows of one row that may hold a tile's pixels: six of them, g and index.
struct Windows { g: vec4f, g4: vec2f, at: vec4f, at4: vec2f }

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
    select(vec4f(-1), vec4f(index[a.x], index[a.y], index[a.z], index[a.w]), vec4<bool>(inside) & (a == start + low)),
    select(vec2f(-1), vec2f(index[b.x], index[b.y]), vec2<bool>(inside) & (b == start + high)),
  );
}

// What four pixels in a row, the first with index \`at\`, get from a row of windows.
fn share(w: Windows, at: f32) -> vec4f {
  let here = at + vec4f(0, 1, 2, 3);
  return select(vec4f(), w.g, w.at == here)
    + select(vec4f(), vec4f(w.g.yzw, w.g4.x), vec4f(w.at.yzw, w.at4.x) == here)
    + select(vec4f(), vec4f(w.g.zw, w.g4), vec4f(w.at.zw, w.at4) == here);
}

fn storeRow(value: vec4f, plane: i32, row: i32, column: i32) {
  if (row >= k.h) { return; }
  let to = (plane * k.h + row) * k.w + column;
  gx[to] = value.x;
  if (column + 1 < k.w) { gx[to + 1] = value.y; }
  if (column + 2 < k.w) { gx[to + 2] = value.z; }
  if (column + 3 < k.w) { gx[to + 3] = value.w; }
}

@compute @workgroup_size(64)
fn dense3(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let id = i32((group.y * groups.x + group.x) * 64u + lane);
  if (id >= k.size) { return; }
  let x = id % k.blocksX * 4;
  let y = (id / k.blocksX) % k.blocksY * 4;
  let plane = id / (k.blocksX * k.blocksY);
  let p = y + k.top - 2;
  let q = x + k.left - 2;
  let here = f32(y * k.w + x);
  let below = f32(k.w);
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

@compute @workgroup_size(64)
fn general(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let id = i32((group.y * groups.x + group.x) * 64u + lane);
  if (id >= k.size) { return; }
  let x = id % k.w;
  let y = (id / k.w) % k.blocksY * 4;
  let plane = id / (k.w * k.blocksY);
  let base = plane * k.oh * k.ow;
  let here = vec4f((y + vec4i(0, 1, 2, 3)) * k.w + x);
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
      let at = vec4f(index[c + start.x], index[c + start.y], index[c + start.z], index[c + start.w]);
      sum += select(vec4f(), v, (at == here) & valid & vec4<bool>(inside));
    }
  }
  store(sum, plane, y, x);
}
`;

/** shaders/max_pool_indices.wgsl */
export const maxPoolIndices: string = /* wgsl */ `// For each window the flat index (y w + x) of its first maximum in its plane, as a float; padding is never chosen.
// x [planes, h, w] -> [planes, oh, ow]. One invocation an output element. Tested by test/core/conv.devices.test.ts.
struct Geometry {
  h: i32, w: i32, oh: i32, ow: i32,
  kh: i32, kw: i32, sy: i32, sx: i32,
  top: i32, left: i32, dy: i32, dx: i32,
  size: i32,
}

@group(0) @binding(0) var<uniform> k: Geometry;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> index: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let id = i32((group.y * groups.x + group.x) * 64u + lane);
  if (id >= k.size) { return; }
  let q = id % k.ow;
  let p = (id / k.ow) % k.oh;
  let plane = id / (k.ow * k.oh) * k.h * k.w;
  var best = 0.0;
  var at = -1;
  for (var i = 0; i < k.kh; i++) {
    let row = p * k.sy - k.top + i * k.dy;
    if (row < 0 || row >= k.h) { continue; }
    for (var j = 0; j < k.kw; j++) {
      let column = q * k.sx - k.left + j * k.dx;
      if (column < 0 || column >= k.w) { continue; }
      let value = x[plane + row * k.w + column];
      if (at < 0 || value > best) {
        best = value;
        at = row * k.w + column;
      }
    }
  }
  index[id] = f32(at);
}
`;

/** shaders/pad.wgsl */
export const pad: string = /* wgsl */ `// Zeros with x inside: y's element at index low + i * step, axis by axis, is x's at i, where x has one; every other is 0. At most eight
// axes, outermost first, ones in front; a step may be negative. Elements are moved as bits, of any type.
// Invocations take every \`chunks\`-th element of a row of y, so that the divisions that find the row are shared by several elements.
// Tested by test/core/ops.devices.test.ts.
struct Params {
  sizes: array<vec4u, 2>,
  xSizes: array<vec4i, 2>,
  low: array<vec4i, 2>,
  step: array<vec4i, 2>,
  invocations: u32,
  chunks: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<u32>;

// How many axes are in use, counted from the innermost.
override AXES: u32 = 8;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let id = (group.y * groups.x + group.x) * 64u + lane;
  if (id >= p.invocations) { return; }
  let inner = p.sizes[1][3];
  let row = id / p.chunks;
  var rest = row;
  var inside = true;
  var at = 0;
  var stride = p.xSizes[1][3];
  for (var k = 1u; k < AXES; k++) {
    let axis = 7u - k;
    let size = p.sizes[axis / 4u][axis % 4u];
    let apart = i32(rest % size) - p.low[axis / 4u][axis % 4u];
    rest /= size;
    let step = p.step[axis / 4u][axis % 4u];
    let index = apart / step;
    inside = inside && index * step == apart && index >= 0 && index < p.xSizes[axis / 4u][axis % 4u];
    at += index * stride;
    stride *= p.xSizes[axis / 4u][axis % 4u];
  }
  let step = p.step[1][3];
  for (var i = id % p.chunks; i < inner; i += p.chunks) {
    let apart = i32(i) - p.low[1][3];
    let index = apart / step;
    var value = 0u;
    if (inside && index * step == apart && index >= 0 && index < p.xSizes[1][3]) { value = x[at + index]; }
    y[row * inner + i] = value;
  }
}
`;

/** shaders/partial_sums.wgsl */
export const partialSums: string = /* wgsl */ `// sums[m] = partials[m, 0] + partials[m, 1] + ... in order, partials [m, lanes]: the same result at every run.
// One invocation a sum. Tested by test/core/conv.devices.test.ts.
struct Size { sums: u32, lanes: u32 }

@group(0) @binding(0) var<uniform> size: Size;
@group(0) @binding(1) var<storage, read> partials: array<f32>;
@group(0) @binding(2) var<storage, read_write> sums: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let id = (group.y * groups.x + group.x) * 64u + lane;
  if (id >= size.sums) { return; }
  let start = id * size.lanes;
  var even = 0.0;
  var odd = 0.0;
  var i = 0u;
  for (; i + 1u < size.lanes; i += 2u) {
    even += partials[start + i];
    odd += partials[start + i + 1u];
  }
  if (i < size.lanes) { even += partials[start + i]; }
  sums[id] = even + odd;
}
`;

/** shaders/put.wgsl */
export const put: string = /* wgsl */ `// x[r, i] = sum of g[r, j] over the j with index[r, j] = i: the adjoint of take, as a gather (WGSL has no float atomics), so that
// the order of the sum is fixed. g and index: [rows, m], x: [rows, n], indices as floats. One invocation an output element.
// Tested by test/core/ops.devices.test.ts.
struct Params { rows: u32, n: u32, m: u32 }

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> g: array<f32>;
@group(0) @binding(2) var<storage, read> index: array<f32>;
@group(0) @binding(3) var<storage, read_write> x: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let id = (group.y * groups.x + group.x) * 64u + lane;
  if (id >= p.rows * p.n) { return; }
  let wanted = f32(id % p.n);
  let first = id / p.n * p.m;
  var sum = 0.0;
  for (var j = first; j < first + p.m; j++) {
    if (index[j] == wanted) { sum += g[j]; }
  }
  x[id] = sum;
}
`;

/** shaders/random_bits.wgsl */
export const randomBits: string = /* wgsl */ `// bits[i] = y0 ^ y1 of Threefry-2x32 with 20 rounds (Salmon et al., SC 2011), key = key[0..1], counter = (0, i).
// key: [2], bits: [n], both u32. One invocation a word. Tested by test/core/ops.devices.test.ts against src/core/random.ts.
struct Params { n: u32 }

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> key: array<u32>;
@group(0) @binding(2) var<storage, read_write> bits: array<u32>;

const PARITY = 0x1bd11bdau;

fn round(v: vec2u, distance: u32) -> vec2u {
  let x = v.x + v.y;
  return vec2u(x, ((v.y << distance) | (v.y >> (32u - distance))) ^ x);
}

fn evenRounds(v: vec2u) -> vec2u { return round(round(round(round(v, 13u), 15u), 26u), 6u); }
fn oddRounds(v: vec2u) -> vec2u { return round(round(round(round(v, 17u), 29u), 16u), 24u); }

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * 64u + lane;
  if (i >= p.n) { return; }
  let k0 = key[0];
  let k1 = key[1];
  let k2 = k0 ^ k1 ^ PARITY;
  var v = vec2u(k0, i + k1);
  v = evenRounds(v) + vec2u(k1, k2 + 1u);
  v = oddRounds(v) + vec2u(k2, k0 + 2u);
  v = evenRounds(v) + vec2u(k0, k1 + 3u);
  v = oddRounds(v) + vec2u(k1, k2 + 4u);
  v = evenRounds(v) + vec2u(k2, k0 + 5u);
  bits[i] = v.x ^ v.y;
}
`;

/** shaders/reduce.wgsl */
export const reduce: string = /* wgsl */ `// Sum or maximum (MAXIMUM) over some axes, in parts: partial[o, part] from the elements r of output o's share.
//   INNER (the innermost axis is reduced): part takes r = part, part + parts, ...; invocations run along parts, y is [outputs, parts]
//   otherwise: part takes r = part * chunk, ..., (part + 1) * chunk - 1; invocations run along outputs, y is [parts, outputs]
// x is dense; output index and r are decoded by (size, stride) tables of kept and of reduced axes, at most four each, outermost
// first. With one part y is the result; else a second launch reduces the parts. The order is fixed: results repeat exactly.
// Tested by test/core/ops.devices.test.ts.
struct Params {
  keptSizes: vec4u,
  keptStrides: vec4u,
  reducedSizes: vec4u,
  reducedStrides: vec4u,
  outputs: u32,
  count: u32,
  parts: u32,
  chunk: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

override MAXIMUM: bool = false;
override INNER: bool = false;
// Reduced axes in use.
override AXES: u32 = 4;

fn offset(index: u32, sizes: vec4u, strides: vec4u, axes: u32) -> u32 {
  var rest = index;
  var at = 0u;
  for (var k = 0u; k + 1u < axes; k++) {
    let axis = 3u - k;
    at += rest % sizes[axis] * strides[axis];
    rest /= sizes[axis];
  }
  if (axes > 0u) { at += rest * strides[4u - axes]; }
  return at;
}

fn element(r: u32) -> u32 {
  return offset(r, p.reducedSizes, p.reducedStrides, AXES);
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * 64u + lane;
  if (i >= p.outputs * p.parts) { return; }
  var output: u32;
  var first: u32;
  var end: u32;
  var step: u32;
  if (INNER) {
    output = i / p.parts;
    first = i % p.parts;
    end = p.count;
    step = p.parts;
  } else {
    output = i % p.outputs;
    first = i / p.outputs * p.chunk;
    end = min(first + p.chunk, p.count);
    step = 1u;
  }
  let base = offset(output, p.keptSizes, p.keptStrides, 4u);
  // The position moves along the innermost reduced axis by addition; only at its end is it found by division.
  let size = p.reducedSizes.w;
  let advance = step * p.reducedStrides.w;
  var along = first % size;
  var at = base + element(first);
  var result = 0.0;
  if (MAXIMUM) { result = x[at]; }
  for (var r = first; r < end; r += step) {
    if (r != first) {
      along += step;
      if (along < size) {
        at += advance;
      } else {
        along = r % size;
        at = base + element(r);
      }
    }
    if (MAXIMUM) { result = max(result, x[at]); } else { result += x[at]; }
  }
  y[i] = result;
}
`;

/** shaders/sgd.wgsl */
export const sgd: string = /* wgsl */ `// Stochastic gradient descent in place, PyTorch's form, one invocation an element:
//   g = gradient * scale + decay * parameter;  velocity = momentum * velocity + g
//   parameter -= rate * (NESTEROV ? g + momentum * velocity : velocity)
// gradient, parameter, velocity: [n]; hyper: [4] = rate, momentum, decay, scale. Tested by test/core/ops.devices.test.ts.
struct Params { n: u32 }

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> gradient: array<f32>;
@group(0) @binding(2) var<storage, read> hyper: array<f32>;
@group(0) @binding(3) var<storage, read_write> parameter: array<f32>;
@group(0) @binding(4) var<storage, read_write> velocity: array<f32>;

override NESTEROV: bool = false;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * 64u + lane;
  if (i >= p.n) { return; }
  let old = parameter[i];
  let g = gradient[i] * hyper[3] + hyper[2] * old;
  let v = hyper[1] * velocity[i] + g;
  velocity[i] = v;
  parameter[i] = old - hyper[0] * select(v, g + hyper[1] * v, NESTEROV);
}
`;

/** shaders/sgd_five.wgsl */
export const sgdFive: string = /* wgsl */ `// Stochastic gradient descent in place on 5 parameters at once, each as in sgd.wgsl: workgroups with the same y take one of them.
// gradient_k, parameter_k, velocity_k: [n_k]; hyper: [4] = rate, momentum, decay, scale. Tested by test/core/fused.devices.test.ts.
struct Params { sizes: array<vec4u, 2> }

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> hyper: array<f32>;
@group(0) @binding(2) var<storage, read> gradient0: array<f32>;
@group(0) @binding(3) var<storage, read> gradient1: array<f32>;
@group(0) @binding(4) var<storage, read> gradient2: array<f32>;
@group(0) @binding(5) var<storage, read> gradient3: array<f32>;
@group(0) @binding(6) var<storage, read> gradient4: array<f32>;
@group(0) @binding(7) var<storage, read_write> parameter0: array<f32>;
@group(0) @binding(8) var<storage, read_write> velocity0: array<f32>;
@group(0) @binding(9) var<storage, read_write> parameter1: array<f32>;
@group(0) @binding(10) var<storage, read_write> velocity1: array<f32>;
@group(0) @binding(11) var<storage, read_write> parameter2: array<f32>;
@group(0) @binding(12) var<storage, read_write> velocity2: array<f32>;
@group(0) @binding(13) var<storage, read_write> parameter3: array<f32>;
@group(0) @binding(14) var<storage, read_write> velocity3: array<f32>;
@group(0) @binding(15) var<storage, read_write> parameter4: array<f32>;
@group(0) @binding(16) var<storage, read_write> velocity4: array<f32>;

override NESTEROV: bool = false;

// The new parameter and the new velocity.
fn moved(old: f32, gradient: f32, velocity: f32) -> vec2f {
  let g = gradient * hyper[3] + hyper[2] * old;
  let v = hyper[1] * velocity + g;
  return vec2f(old - hyper[0] * select(v, g + hyper[1] * v, NESTEROV), v);
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let k = group.y;
  let first = group.x * 256u + lane;
  let end = min(group.x * 256u + 256u, p.sizes[k / 4u][k % 4u]);
  for (var i = first; i < end; i += 64u) {
    switch k {
      case 0 {
        let next = moved(parameter0[i], gradient0[i], velocity0[i]);
        parameter0[i] = next.x;
        velocity0[i] = next.y;
      }
      case 1 {
        let next = moved(parameter1[i], gradient1[i], velocity1[i]);
        parameter1[i] = next.x;
        velocity1[i] = next.y;
      }
      case 2 {
        let next = moved(parameter2[i], gradient2[i], velocity2[i]);
        parameter2[i] = next.x;
        velocity2[i] = next.y;
      }
      case 3 {
        let next = moved(parameter3[i], gradient3[i], velocity3[i]);
        parameter3[i] = next.x;
        velocity3[i] = next.y;
      }
      default {
        let next = moved(parameter4[i], gradient4[i], velocity4[i]);
        parameter4[i] = next.x;
        velocity4[i] = next.y;
      }
    }
  }
}
`;

/** shaders/sgd_two.wgsl */
export const sgdTwo: string = /* wgsl */ `// Stochastic gradient descent in place on 2 parameters at once, each as in sgd.wgsl: workgroups with the same y take one of them.
// gradient_k, parameter_k, velocity_k: [n_k]; hyper: [4] = rate, momentum, decay, scale. Tested by test/core/fused.devices.test.ts.
struct Params { sizes: array<vec4u, 1> }

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> hyper: array<f32>;
@group(0) @binding(2) var<storage, read> gradient0: array<f32>;
@group(0) @binding(3) var<storage, read> gradient1: array<f32>;
@group(0) @binding(4) var<storage, read_write> parameter0: array<f32>;
@group(0) @binding(5) var<storage, read_write> velocity0: array<f32>;
@group(0) @binding(6) var<storage, read_write> parameter1: array<f32>;
@group(0) @binding(7) var<storage, read_write> velocity1: array<f32>;

override NESTEROV: bool = false;

// The new parameter and the new velocity.
fn moved(old: f32, gradient: f32, velocity: f32) -> vec2f {
  let g = gradient * hyper[3] + hyper[2] * old;
  let v = hyper[1] * velocity + g;
  return vec2f(old - hyper[0] * select(v, g + hyper[1] * v, NESTEROV), v);
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let k = group.y;
  let first = group.x * 256u + lane;
  let end = min(group.x * 256u + 256u, p.sizes[k / 4u][k % 4u]);
  for (var i = first; i < end; i += 64u) {
    switch k {
      case 0 {
        let next = moved(parameter0[i], gradient0[i], velocity0[i]);
        parameter0[i] = next.x;
        velocity0[i] = next.y;
      }
      default {
        let next = moved(parameter1[i], gradient1[i], velocity1[i]);
        parameter1[i] = next.x;
        velocity1[i] = next.y;
      }
    }
  }
}
`;

/** shaders/softmax.wgsl */
export const softmax: string = /* wgsl */ `// Softmax over rows of k values: x [rows, k].
//   softmax           y = e^(x - max) / sum e^(x - max)          gx = y (g - sum g y)
//   logSoftmax        y = x - max - log sum e^(x - max)          gx = g - e^y sum g
// One invocation a row: loads of neighbouring lanes are k apart, which suits short rows and processors; long rows on a GPU are
// softmax_rows.wgsl's. Tested by test/core/fused.devices.test.ts.
struct Rows { rows: u32, k: u32 }

@group(0) @binding(0) var<uniform> size: Rows;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

fn largest(start: u32) -> f32 {
  var best = x[start];
  for (var i = 1u; i < size.k; i++) { best = max(best, x[start + i]); }
  return best;
}

@compute @workgroup_size(64)
fn softmax(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = (group.y * groups.x + group.x) * 64u + lane;
  if (row >= size.rows) { return; }
  let start = row * size.k;
  let best = largest(start);
  var sum = 0.0;
  for (var i = start; i < start + size.k; i++) {
    let e = exp(x[i] - best);
    y[i] = e;
    sum += e;
  }
  for (var i = start; i < start + size.k; i++) { y[i] = y[i] / sum; }
}

@compute @workgroup_size(64)
fn logSoftmax(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = (group.y * groups.x + group.x) * 64u + lane;
  if (row >= size.rows) { return; }
  let start = row * size.k;
  let best = largest(start);
  var sum = 0.0;
  for (var i = start; i < start + size.k; i++) { sum += exp(x[i] - best); }
  let shift = log(sum);
  for (var i = start; i < start + size.k; i++) { y[i] = (x[i] - best) - shift; }
}

@group(0) @binding(1) var<storage, read> output: array<f32>;
@group(0) @binding(2) var<storage, read> g: array<f32>;
@group(0) @binding(3) var<storage, read_write> gx: array<f32>;

@compute @workgroup_size(64)
fn softmaxGradient(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = (group.y * groups.x + group.x) * 64u + lane;
  if (row >= size.rows) { return; }
  let start = row * size.k;
  var sum = 0.0;
  for (var i = start; i < start + size.k; i++) { sum += g[i] * output[i]; }
  for (var i = start; i < start + size.k; i++) { gx[i] = output[i] * (g[i] - sum); }
}

@compute @workgroup_size(64)
fn logSoftmaxGradient(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = (group.y * groups.x + group.x) * 64u + lane;
  if (row >= size.rows) { return; }
  let start = row * size.k;
  var sum = 0.0;
  for (var i = start; i < start + size.k; i++) { sum += g[i]; }
  for (var i = start; i < start + size.k; i++) { gx[i] = g[i] - exp(output[i]) * sum; }
}
`;

/** shaders/softmax_rows.wgsl */
export const softmaxRows: string = /* wgsl */ `// The operations of softmax.wgsl with one workgroup of 64 a row, for long rows on a GPU: lanes stride along the row, then a
// tree in workgroup memory. Tested by test/backends/webgpu/kernels.webgpu.test.ts.
struct Rows { rows: u32, k: u32 }

@group(0) @binding(0) var<uniform> size: Rows;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

var<workgroup> scratch: array<f32, 64>;

fn total(lane: u32, value: f32) -> f32 {
  workgroupBarrier();
  scratch[lane] = value;
  for (var half = 32u; half > 0u; half >>= 1u) {
    workgroupBarrier();
    if (lane < half) { scratch[lane] += scratch[lane + half]; }
  }
  workgroupBarrier();
  return scratch[0];
}

fn largest(lane: u32, value: f32) -> f32 {
  workgroupBarrier();
  scratch[lane] = value;
  for (var half = 32u; half > 0u; half >>= 1u) {
    workgroupBarrier();
    if (lane < half) { scratch[lane] = max(scratch[lane], scratch[lane + half]); }
  }
  workgroupBarrier();
  return scratch[0];
}

fn rowMaximum(lane: u32, start: u32) -> f32 {
  var best = x[start];
  for (var i = lane; i < size.k; i += 64u) { best = max(best, x[start + i]); }
  return largest(lane, best);
}

@compute @workgroup_size(64)
fn softmax(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = group.y * groups.x + group.x;
  if (row >= size.rows) { return; }
  let start = row * size.k;
  let best = rowMaximum(lane, start);
  var sum = 0.0;
  for (var i = lane; i < size.k; i += 64u) { sum += exp(x[start + i] - best); }
  let all = total(lane, sum);
  for (var i = lane; i < size.k; i += 64u) { y[start + i] = exp(x[start + i] - best) / all; }
}

@compute @workgroup_size(64)
fn logSoftmax(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = group.y * groups.x + group.x;
  if (row >= size.rows) { return; }
  let start = row * size.k;
  let best = rowMaximum(lane, start);
  var sum = 0.0;
  for (var i = lane; i < size.k; i += 64u) { sum += exp(x[start + i] - best); }
  let shift = log(total(lane, sum));
  for (var i = lane; i < size.k; i += 64u) { y[start + i] = (x[start + i] - best) - shift; }
}

@group(0) @binding(1) var<storage, read> output: array<f32>;
@group(0) @binding(2) var<storage, read> g: array<f32>;
@group(0) @binding(3) var<storage, read_write> gx: array<f32>;

@compute @workgroup_size(64)
fn softmaxGradient(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = group.y * groups.x + group.x;
  if (row >= size.rows) { return; }
  let start = row * size.k;
  var sum = 0.0;
  for (var i = lane; i < size.k; i += 64u) { sum += g[start + i] * output[start + i]; }
  let all = total(lane, sum);
  for (var i = lane; i < size.k; i += 64u) { gx[start + i] = output[start + i] * (g[start + i] - all); }
}

@compute @workgroup_size(64)
fn logSoftmaxGradient(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = group.y * groups.x + group.x;
  if (row >= size.rows) { return; }
  let start = row * size.k;
  var sum = 0.0;
  for (var i = lane; i < size.k; i += 64u) { sum += g[start + i]; }
  let all = total(lane, sum);
  for (var i = lane; i < size.k; i += 64u) { gx[start + i] = g[start + i] - exp(output[start + i]) * all; }
}

// Cross-entropy, as in cross_entropy.wgsl.
@group(0) @binding(2) var<storage, read> labels: array<f32>;
@group(0) @binding(3) var<storage, read_write> loss: array<f32>;
@group(0) @binding(4) var<storage, read_write> normaliser: array<f32>;

@compute @workgroup_size(64)
fn crossEntropy(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = group.y * groups.x + group.x;
  if (row >= size.rows) { return; }
  let start = row * size.k;
  let best = rowMaximum(lane, start);
  var sum = 0.0;
  for (var i = lane; i < size.k; i += 64u) { sum += exp(x[start + i] - best); }
  let shift = log(total(lane, sum));
  if (lane == 0u) {
    let label = u32(labels[row]);
    let known = labels[row] >= 0.0 && label < size.k && f32(label) == labels[row];
    loss[row] = select(0.0, shift - (x[start + min(label, size.k - 1u)] - best), known);
    normaliser[row] = best;
    normaliser[size.rows + row] = shift;
  }
}
`;

/** shaders/strided_copy.wgsl */
export const stridedCopy: string = /* wgsl */ `// y[yOrigin + sum_k index_k yStrides_k] = x[xOrigin + sum_k index_k xStrides_k] over all indices of \`sizes\`: permute, broadcast, slice,
// concat and (after zeros) pad. at most eight axes, strides may be negative or 0. Elements are moved as bits, of any type.
// Invocations take every \`chunks\`-th element of a row, so that the divisions that find the row are shared by several elements
// and neighbours still touch neighbours. Tested by test/core/ops.devices.test.ts.
struct Params {
  sizes: array<vec4u, 2>,
  xStrides: array<vec4i, 2>,
  yStrides: array<vec4i, 2>,
  xOrigin: i32,
  yOrigin: i32,
  invocations: u32,
  chunks: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<u32>;

// How many axes are in use, counted from the innermost.
override AXES: u32 = 8;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let id = (group.y * groups.x + group.x) * 64u + lane;
  if (id >= p.invocations) { return; }
  let inner = p.sizes[1][3];
  let row = id / p.chunks;
  var rest = row;
  var ix = p.xOrigin;
  var iy = p.yOrigin;
  for (var k = 1u; k < AXES; k++) {
    let axis = 7u - k;
    let size = p.sizes[axis / 4u][axis % 4u];
    let index = i32(rest % size);
    rest /= size;
    ix += index * p.xStrides[axis / 4u][axis % 4u];
    iy += index * p.yStrides[axis / 4u][axis % 4u];
  }
  for (var i = id % p.chunks; i < inner; i += p.chunks) {
    y[iy + i32(i) * p.yStrides[1][3]] = x[ix + i32(i) * p.xStrides[1][3]];
  }
}
`;

/** shaders/take.wgsl */
export const take: string = /* wgsl */ `// y[r, j] = x[r, index[r, j]]. x: [rows, n], index and y: [rows, m], indices as floats. One invocation an output element.
// Tested by test/core/ops.devices.test.ts.
struct Params { rows: u32, n: u32, m: u32 }

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> index: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * 64u + lane;
  if (i >= p.rows * p.m) { return; }
  y[i] = x[i / p.m * p.n + u32(index[i])];
}
`;

/** shaders/unary.wgsl */
export const unary: string = /* wgsl */ `// y[i] = f(x[i]), four elements an invocation; OP says which f (the order of \`operations\` in src/backends/webgpu/kernels/elementwise.ts).
// x, y: [n], read as vec4; the last vec4 is written element by element, since a view may end inside it.
// tanh and erf are rational approximations (those of Eigen): WGSL has no erf, and bounds tanh only to 1e-5.
// Tested by test/core/ops.devices.test.ts.
struct Params { n: u32 }

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>;

override OP: u32 = 0;

fn tanhRational(v: vec4f) -> vec4f {
  // Beyond 9 the result rounds to 1.
  let c = clamp(v, vec4f(-7.90531110763549805), vec4f(7.90531110763549805));
  let s = c * c;
  var top = fma(s, vec4f(-2.76076847742355e-16), vec4f(2.00018790482477e-13));
  top = fma(s, top, vec4f(-8.60467152213735e-11));
  top = fma(s, top, vec4f(5.12229709037114e-08));
  top = fma(s, top, vec4f(1.48572235717979e-05));
  top = fma(s, top, vec4f(6.37261928875436e-04));
  top = fma(s, top, vec4f(4.89352455891786e-03));
  var bottom = fma(s, vec4f(1.19825839466702e-06), vec4f(1.18534705686654e-04));
  bottom = fma(s, bottom, vec4f(2.26843463243900e-03));
  bottom = fma(s, bottom, vec4f(4.89352518554385e-03));
  return select(c * top / bottom, v, abs(v) < vec4f(0.0004));
}

fn erfRational(v: vec4f) -> vec4f {
  // Beyond 4 the result rounds to 1.
  let c = clamp(v, vec4f(-4.0), vec4f(4.0));
  let s = c * c;
  var top = fma(s, vec4f(-2.72614225801306e-10), vec4f(2.77068142495902e-08));
  top = fma(s, top, vec4f(-2.10102402082508e-06));
  top = fma(s, top, vec4f(-5.69250639462346e-05));
  top = fma(s, top, vec4f(-7.34990630326855e-04));
  top = fma(s, top, vec4f(-2.95459980854025e-03));
  top = fma(s, top, vec4f(-1.60960333262415e-02));
  var bottom = fma(s, vec4f(-1.45660718464996e-05), vec4f(-2.13374055278905e-04));
  bottom = fma(s, bottom, vec4f(-1.68282697438203e-03));
  bottom = fma(s, bottom, vec4f(-7.37332916720468e-03));
  bottom = fma(s, bottom, vec4f(-1.42647390514189e-02));
  return c * top / bottom;
}

fn apply(v: vec4f) -> vec4f {
  switch OP {
    case 0 { return -v; }
    case 1 { return exp(v); }
    case 2 { return log(v); }
    case 3 { return sqrt(v); }
    case 4 { return vec4f(1.0) / v; }
    case 5 { return select(v, vec4f(0.0), v < vec4f(0.0)); }
    case 6 { return select(vec4f(0.0), vec4f(1.0), v > vec4f(0.0)); }
    case 7 { return tanhRational(v); }
    case 8 { return erfRational(v); }
    default { return v; }
  }
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * 64u + lane;
  let at = i * 4u;
  if (at >= p.n) { return; }
  let v = apply(x[i]);
  if (at + 4u <= p.n) {
    y[i] = v;
    return;
  }
  y[i].x = v.x;
  if (at + 1u < p.n) { y[i].y = v.y; }
  if (at + 2u < p.n) { y[i].z = v.z; }
}
`;

/** shaders/weighted_sum.wgsl */
export const weightedSum: string = /* wgsl */ `// The weighted sum of a mixed operation, y = sum_k z_k x_k, z [k], up to six tensors x_k of one size, and its gradients.
//   sum     y = z_first x_0 + z_(first + 1) x_1 + ...; where \`carries\`, x_0 is a running sum and has weight 1
//   dots    partials [k, lanes]: each lane's share of <g, x_k>, which partial_sums.wgsl adds
//   scaleN  gx_k = z_k g for N tensors
// Unused inputs are bound to a tensor in use and not read. Tested by test/core/fused.devices.test.ts.
struct Terms { size: u32, first: u32, count: u32, carries: u32, lanes: u32 }

@group(0) @binding(0) var<uniform> k: Terms;
@group(0) @binding(1) var<storage, read> z: array<f32>;
@group(0) @binding(2) var<storage, read> x0: array<f32>;
@group(0) @binding(3) var<storage, read> x1: array<f32>;
@group(0) @binding(4) var<storage, read> x2: array<f32>;
@group(0) @binding(5) var<storage, read> x3: array<f32>;
@group(0) @binding(6) var<storage, read> x4: array<f32>;
@group(0) @binding(7) var<storage, read> x5: array<f32>;
@group(0) @binding(8) var<storage, read_write> y: array<f32>;

fn weightOf(slot: u32) -> f32 {
  if (slot >= k.count) { return 0.0; }
  if (k.carries == 1u && slot == 0u) { return 1.0; }
  return z[k.first + slot - k.carries];
}

@compute @workgroup_size(64)
fn sum(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let w0 = weightOf(0u);
  let w1 = weightOf(1u);
  let w2 = weightOf(2u);
  let w3 = weightOf(3u);
  let w4 = weightOf(4u);
  let w5 = weightOf(5u);
  let start = (group.y * groups.x + group.x) * 512u + lane;
  for (var i = start; i < min(start + 512u, k.size); i += 64u) {
    var total = w0 * x0[i];
    if (k.count > 1u) { total += w1 * x1[i]; }
    if (k.count > 2u) { total += w2 * x2[i]; }
    if (k.count > 3u) { total += w3 * x3[i]; }
    if (k.count > 4u) { total += w4 * x4[i]; }
    if (k.count > 5u) { total += w5 * x5[i]; }
    y[i] = total;
  }
}

// Binding 1 is g here and binding 8 the partials.
@compute @workgroup_size(64)
fn dots(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let lane = group.x * 64u + local;
  var s0 = 0.0;
  var s1 = 0.0;
  var s2 = 0.0;
  var s3 = 0.0;
  var s4 = 0.0;
  var s5 = 0.0;
  for (var i = lane; i < k.size; i += k.lanes) {
    let g = z[i];
    s0 += g * x0[i];
    if (k.count > 1u) { s1 += g * x1[i]; }
    if (k.count > 2u) { s2 += g * x2[i]; }
    if (k.count > 3u) { s3 += g * x3[i]; }
    if (k.count > 4u) { s4 += g * x4[i]; }
    if (k.count > 5u) { s5 += g * x5[i]; }
  }
  let to = k.first * k.lanes + lane;
  y[to] = s0;
  if (k.count > 1u) { y[to + k.lanes] = s1; }
  if (k.count > 2u) { y[to + 2u * k.lanes] = s2; }
  if (k.count > 3u) { y[to + 3u * k.lanes] = s3; }
  if (k.count > 4u) { y[to + 4u * k.lanes] = s4; }
  if (k.count > 5u) { y[to + 5u * k.lanes] = s5; }
}

@group(0) @binding(2) var<storage, read> g: array<f32>;
@group(0) @binding(3) var<storage, read_write> g0: array<f32>;
@group(0) @binding(4) var<storage, read_write> g1: array<f32>;
@group(0) @binding(5) var<storage, read_write> g2: array<f32>;
@group(0) @binding(6) var<storage, read_write> g3: array<f32>;
@group(0) @binding(7) var<storage, read_write> g4: array<f32>;
@group(0) @binding(8) var<storage, read_write> g5: array<f32>;

@compute @workgroup_size(64)
fn scale1(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let w0 = z[k.first];
  let start = (group.y * groups.x + group.x) * 512u + lane;
  for (var i = start; i < min(start + 512u, k.size); i += 64u) { g0[i] = w0 * g[i]; }
}

@compute @workgroup_size(64)
fn scale2(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let w0 = z[k.first];
  let w1 = z[k.first + 1u];
  let start = (group.y * groups.x + group.x) * 512u + lane;
  for (var i = start; i < min(start + 512u, k.size); i += 64u) {
    let value = g[i];
    g0[i] = w0 * value;
    g1[i] = w1 * value;
  }
}

@compute @workgroup_size(64)
fn scale3(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let w0 = z[k.first];
  let w1 = z[k.first + 1u];
  let w2 = z[k.first + 2u];
  let start = (group.y * groups.x + group.x) * 512u + lane;
  for (var i = start; i < min(start + 512u, k.size); i += 64u) {
    let value = g[i];
    g0[i] = w0 * value;
    g1[i] = w1 * value;
    g2[i] = w2 * value;
  }
}

@compute @workgroup_size(64)
fn scale6(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let w0 = z[k.first];
  let w1 = z[k.first + 1u];
  let w2 = z[k.first + 2u];
  let w3 = z[k.first + 3u];
  let w4 = z[k.first + 4u];
  let w5 = z[k.first + 5u];
  let start = (group.y * groups.x + group.x) * 512u + lane;
  for (var i = start; i < min(start + 512u, k.size); i += 64u) {
    let value = g[i];
    g0[i] = w0 * value;
    g1[i] = w1 * value;
    g2[i] = w2 * value;
    g3[i] = w3 * value;
    g4[i] = w4 * value;
    g5[i] = w5 * value;
  }
}
`;

/** shaders/weighted_sum7.wgsl */
export const weightedSum7: string = /* wgsl */ `// weighted_sum.wgsl with seven tensors a dispatch, for devices that bind more than eight buffers: an edge of SNAS has seven.
//   sum     y = z_first x_0 + z_(first + 1) x_1 + ...; where \`carries\`, x_0 is a running sum and has weight 1
//   dots    partials [k, lanes]: each lane's share of <g, x_k>, which partial_sums.wgsl adds
//   scale7  gx_k = z_k g for seven tensors
// Unused inputs are bound to a tensor in use and not read. Tested by test/core/fused.devices.test.ts.
struct Terms { size: u32, first: u32, count: u32, carries: u32, lanes: u32 }

@group(0) @binding(0) var<uniform> k: Terms;
@group(0) @binding(1) var<storage, read> z: array<f32>;
@group(0) @binding(2) var<storage, read> x0: array<f32>;
@group(0) @binding(3) var<storage, read> x1: array<f32>;
@group(0) @binding(4) var<storage, read> x2: array<f32>;
@group(0) @binding(5) var<storage, read> x3: array<f32>;
@group(0) @binding(6) var<storage, read> x4: array<f32>;
@group(0) @binding(7) var<storage, read> x5: array<f32>;
@group(0) @binding(8) var<storage, read> x6: array<f32>;
@group(0) @binding(9) var<storage, read_write> y: array<f32>;

fn weightOf(slot: u32) -> f32 {
  if (slot >= k.count) { return 0.0; }
  if (k.carries == 1u && slot == 0u) { return 1.0; }
  return z[k.first + slot - k.carries];
}

@compute @workgroup_size(64)
fn sum(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let w0 = weightOf(0u);
  let w1 = weightOf(1u);
  let w2 = weightOf(2u);
  let w3 = weightOf(3u);
  let w4 = weightOf(4u);
  let w5 = weightOf(5u);
  let w6 = weightOf(6u);
  let start = (group.y * groups.x + group.x) * 512u + lane;
  for (var i = start; i < min(start + 512u, k.size); i += 64u) {
    var total = w0 * x0[i];
    if (k.count > 1u) { total += w1 * x1[i]; }
    if (k.count > 2u) { total += w2 * x2[i]; }
    if (k.count > 3u) { total += w3 * x3[i]; }
    if (k.count > 4u) { total += w4 * x4[i]; }
    if (k.count > 5u) { total += w5 * x5[i]; }
    if (k.count > 6u) { total += w6 * x6[i]; }
    y[i] = total;
  }
}

// Binding 1 is g here and binding 9 the partials.
@compute @workgroup_size(64)
fn dots(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let lane = group.x * 64u + local;
  var s0 = 0.0;
  var s1 = 0.0;
  var s2 = 0.0;
  var s3 = 0.0;
  var s4 = 0.0;
  var s5 = 0.0;
  var s6 = 0.0;
  for (var i = lane; i < k.size; i += k.lanes) {
    let g = z[i];
    s0 += g * x0[i];
    if (k.count > 1u) { s1 += g * x1[i]; }
    if (k.count > 2u) { s2 += g * x2[i]; }
    if (k.count > 3u) { s3 += g * x3[i]; }
    if (k.count > 4u) { s4 += g * x4[i]; }
    if (k.count > 5u) { s5 += g * x5[i]; }
    if (k.count > 6u) { s6 += g * x6[i]; }
  }
  let to = k.first * k.lanes + lane;
  y[to] = s0;
  if (k.count > 1u) { y[to + k.lanes] = s1; }
  if (k.count > 2u) { y[to + 2u * k.lanes] = s2; }
  if (k.count > 3u) { y[to + 3u * k.lanes] = s3; }
  if (k.count > 4u) { y[to + 4u * k.lanes] = s4; }
  if (k.count > 5u) { y[to + 5u * k.lanes] = s5; }
  if (k.count > 6u) { y[to + 6u * k.lanes] = s6; }
}

@group(0) @binding(2) var<storage, read> g: array<f32>;
@group(0) @binding(3) var<storage, read_write> g0: array<f32>;
@group(0) @binding(4) var<storage, read_write> g1: array<f32>;
@group(0) @binding(5) var<storage, read_write> g2: array<f32>;
@group(0) @binding(6) var<storage, read_write> g3: array<f32>;
@group(0) @binding(7) var<storage, read_write> g4: array<f32>;
@group(0) @binding(8) var<storage, read_write> g5: array<f32>;
@group(0) @binding(9) var<storage, read_write> g6: array<f32>;

@compute @workgroup_size(64)
fn scale7(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let w0 = z[k.first];
  let w1 = z[k.first + 1u];
  let w2 = z[k.first + 2u];
  let w3 = z[k.first + 3u];
  let w4 = z[k.first + 4u];
  let w5 = z[k.first + 5u];
  let w6 = z[k.first + 6u];
  let start = (group.y * groups.x + group.x) * 512u + lane;
  for (var i = start; i < min(start + 512u, k.size); i += 64u) {
    let value = g[i];
    g0[i] = w0 * value;
    g1[i] = w1 * value;
    g2[i] = w2 * value;
    g3[i] = w3 * value;
    g4[i] = w4 * value;
    g5[i] = w5 * value;
    g6[i] = w6 * value;
  }
}
`;

/** shaders/where.wgsl */
export const where: string = /* wgsl */ `// y[i] = a where c is not 0, else b; all three broadcast: at most eight axes, a stride an axis (0 where an operand repeats).
// y is dense over \`sizes\` (outermost first, ones in front).
// Invocations take every \`chunks\`-th element of a row, so that the divisions that find the row are shared by several elements
// and neighbours still touch neighbours.
// Tested by test/core/ops.devices.test.ts.
struct Params {
  sizes: array<vec4u, 2>,
  cStrides: array<vec4u, 2>,
  aStrides: array<vec4u, 2>,
  bStrides: array<vec4u, 2>,
  invocations: u32,
  chunks: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> c: array<f32>;
@group(0) @binding(2) var<storage, read> a: array<f32>;
@group(0) @binding(3) var<storage, read> b: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

// How many axes are in use, counted from the innermost.
override AXES: u32 = 8;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let id = (group.y * groups.x + group.x) * 64u + lane;
  if (id >= p.invocations) { return; }
  let inner = p.sizes[1][3];
  let row = id / p.chunks;
  var rest = row;
  var ic = 0u;
  var ia = 0u;
  var ib = 0u;
  for (var k = 1u; k < AXES; k++) {
    let axis = 7u - k;
    let size = p.sizes[axis / 4u][axis % 4u];
    let index = rest % size;
    rest /= size;
    ic += index * p.cStrides[axis / 4u][axis % 4u];
    ia += index * p.aStrides[axis / 4u][axis % 4u];
    ib += index * p.bStrides[axis / 4u][axis % 4u];
  }
  for (var i = id % p.chunks; i < inner; i += p.chunks) {
    if (c[ic + i * p.cStrides[1][3]] != 0.0) {
      y[row * inner + i] = a[ia + i * p.aStrides[1][3]];
    } else {
      y[row * inner + i] = b[ib + i * p.bStrides[1][3]];
    }
  }
}
`;

/** shaders/where_dense.wgsl */
export const whereDense: string = /* wgsl */ `// y[i] = a[i] where c[i] is not 0, else b[i], four elements an invocation, where c has the output's shape and a and b have it too or
// are scalars (A_SCALAR, B_SCALAR). c, a, b, y: [n] or [1], read as vec4; the last vec4 is written element by element, since a view
// may end inside it. Tested by test/core/ops.devices.test.ts.
struct Params { n: u32 }

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> c: array<vec4f>;
@group(0) @binding(2) var<storage, read> a: array<vec4f>;
@group(0) @binding(3) var<storage, read> b: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> y: array<vec4f>;

override A_SCALAR: bool = false;
override B_SCALAR: bool = false;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * 64u + lane;
  let at = i * 4u;
  if (at >= p.n) { return; }
  var u: vec4f;
  var v: vec4f;
  if (A_SCALAR) { u = vec4f(a[0].x); } else { u = a[i]; }
  if (B_SCALAR) { v = vec4f(b[0].x); } else { v = b[i]; }
  let w = select(v, u, c[i] != vec4f());
  if (at + 4u <= p.n) {
    y[i] = w;
    return;
  }
  y[i].x = w.x;
  if (at + 1u < p.n) { y[i].y = w.y; }
  if (at + 2u < p.n) { y[i].z = w.z; }
}
`;
