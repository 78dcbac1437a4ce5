// Batch norm of x [n, c, h, w] with one workgroup a channel: statistics and application in one dispatch, and the same for the
// gradients. For processors, where few long workgroups are cheap and every dispatch costs; a large image on a GPU goes by
// statistics.wgsl and its companions, in many workgroups.
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

//#include "shared/special.wgsl" with TYPE = f32, WORD = u32, BOOL = bool

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
    let rest = squares - sum * apart;
    m2 += select(max(rest, 0.0), rest, isNan(rest)) + apart * apart * (number * block / total);
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
