// Mean and biased variance of each channel of x [n, c, h, w] over n, h and w.
// `partial`: each lane walks its share of a channel and keeps mean_i and m2_i = sum (x - mean_i)^2 by Welford's update.
// `finalise`: a lane a channel merges them in order: mean = sum n_i mean_i / m, m2 = sum m2_i + n_i (mean_i - mean)^2; two
//   passes over the laneStatistics, so that a mean that is large beside the spread does no harm. Sums are kept in two numbers, so that their
//   errors do not grow with the number of lanes. Writes statistics [2, c] and coefficients [3, c] (mean,
//   weight / sqrt(var + eps), bias): y = (x - coefficient 0) * coefficient 1 + coefficient 2.
// Tested by test/core/fused.devices.test.ts.
struct Channels {
  //#include "shared/channel-geometry.wgsl"
  eps: f32, zero: u32,
}

@group(0) @binding(0) var<uniform> k: Channels;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> laneStatistics: array<f32>;

//#include "shared/pending-sum.wgsl" with ZERO = k.zero

// The elements of lane i: i, i + lanes, i + 2 lanes, ...
fn share(lane: u32) -> u32 {
  return select(0u, (k.count - lane + k.lanes - 1u) / k.lanes, lane < k.count);
}

//#include "shared/lane.wgsl" with ENTRY = partial
  let channel = group.y;
  let number = share(lane);
  //#include "shared/channel-start.wgsl"
  var mean = 0.0;
  var m2 = Sum();
  for (var i = 0u; i < number; i++) {
    let value = x[base + offset];
    let delta = value - mean;
    mean += delta / f32(i + 1u);
    m2 = plus(m2, delta * (value - mean));
    //#include "shared/channel-advance.wgsl"
  }
  laneStatistics[channel * k.lanes + lane] = mean;
  laneStatistics[(k.c + channel) * k.lanes + lane] = total(m2);
}

@group(0) @binding(1) var<storage, read> givenLaneStatistics: array<f32>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> statistics: array<f32>;
@group(0) @binding(5) var<storage, read_write> coefficients: array<f32>;

fn merge(channel: u32) -> vec2f {
  // Beside the first lane's mean the others are small numbers, which add up more exactly.
  let origin = givenLaneStatistics[channel * k.lanes];
  var apart = Sum();
  for (var i = 1u; i < k.lanes; i++) {
    apart = plus(apart, f32(share(i)) * (givenLaneStatistics[channel * k.lanes + i] - origin));
  }
  let near = origin + total(apart) / f32(k.count);
  // The first lane may lie far from the mean, and then the sum above has grown far beyond its terms. Deviations from a mean that is nearly
  // right cancel as they are summed: what is left of them corrects it.
  var left = Sum();
  var m2 = Sum();
  for (var i = 0u; i < k.lanes; i++) {
    let delta = givenLaneStatistics[channel * k.lanes + i] - near;
    let weighted = f32(share(i)) * delta;
    left = plus(left, weighted);
    m2 = plus(m2, givenLaneStatistics[(k.c + channel) * k.lanes + i] + weighted * delta);
  }
  let correction = total(left) / f32(k.count);
  let squares = total(m2) - total(left) * correction;
  // Rounding alone may make it less than 0. NaN stays what it is.
  return vec2f(near + correction, select(squares, 0.0, squares < 0.0) / f32(k.count));
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
