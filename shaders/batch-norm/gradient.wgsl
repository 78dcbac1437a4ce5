// With z = (x - mean) / sqrt(var + eps), m values a channel and y = weight z + bias:
//   dbias = sum g, dweight = sum g z, dx = weight / sqrt(var + eps) (g - dbias / m - z dweight / m).
// `partial` sums g and g z by lane, `finalise` adds the lanes in order and writes the channel's coefficients [5, c]
// (mean, 1 / sqrt(var + eps), weight / sqrt(var + eps), dbias / m, dweight / m) and dweight [c], dbias [c]; `apply` writes dx.
// Lanes walk a channel as in statistics.wgsl. Tested by test/core/fused.devices.test.ts.
struct Channels {
  //#include "shared/channel-geometry.wgsl"
  eps: f32, zero: u32,
}

@group(0) @binding(0) var<uniform> k: Channels;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> g: array<f32>;
@group(0) @binding(3) var<storage, read> statistics: array<f32>;
@group(0) @binding(4) var<storage, read_write> laneSums: array<f32>;

//#include "shared/pending-sum.wgsl" with ZERO = k.zero

//#include "shared/lane.wgsl" with ENTRY = partial
  let channel = group.y;
  let mean = statistics[channel];
  let scale = 1.0 / sqrt(statistics[k.c + channel] + k.eps);
  //#include "shared/channel-start.wgsl"
  var sum = Sum();
  var product = Sum();
  for (var i = lane; i < k.count; i += k.lanes) {
    let value = g[base + offset];
    sum = plus(sum, value);
    product = plus(product, value * ((x[base + offset] - mean) * scale));
    //#include "shared/channel-advance.wgsl"
  }
  laneSums[channel * k.lanes + lane] = total(sum);
  laneSums[(k.c + channel) * k.lanes + lane] = total(product);
}

@group(0) @binding(1) var<storage, read> givenLaneSums: array<f32>;
@group(0) @binding(2) var<storage, read> moments: array<f32>;
@group(0) @binding(3) var<storage, read> weight: array<f32>;
@group(0) @binding(4) var<storage, read_write> coefficients: array<f32>;
@group(0) @binding(5) var<storage, read_write> dweight: array<f32>;
@group(0) @binding(6) var<storage, read_write> dbias: array<f32>;

@compute @workgroup_size(8)
fn finalise(@builtin(global_invocation_id) id: vec3u) {
  let channel = id.x;
  if (channel >= k.c) { return; }
  var sum = Sum();
  var product = Sum();
  for (var i = 0u; i < k.lanes; i++) {
    sum = plus(sum, givenLaneSums[channel * k.lanes + i]);
    product = plus(product, givenLaneSums[(k.c + channel) * k.lanes + i]);
  }
  let scale = 1.0 / sqrt(moments[k.c + channel] + k.eps);
  coefficients[channel] = moments[channel];
  coefficients[k.c + channel] = scale;
  coefficients[2u * k.c + channel] = scale * weight[channel];
  coefficients[3u * k.c + channel] = total(sum) / f32(k.count);
  coefficients[4u * k.c + channel] = total(product) / f32(k.count);
  dweight[channel] = total(product);
  dbias[channel] = total(sum);
}

@group(0) @binding(3) var<storage, read> applied: array<f32>;
@group(0) @binding(4) var<storage, read_write> dx: array<f32>;

//#include "shared/lane.wgsl" with ENTRY = apply
  let channel = group.y;
  let mean = applied[channel];
  let scale = applied[k.c + channel];
  let gain = applied[2u * k.c + channel];
  let meanG = applied[3u * k.c + channel];
  let meanProduct = applied[4u * k.c + channel];
  //#include "shared/channel-start.wgsl"
  for (var i = lane; i < k.count; i += k.lanes) {
    let z = (x[base + offset] - mean) * scale;
    dx[base + offset] = gain * (g[base + offset] - meanG - z * meanProduct);
    //#include "shared/channel-advance.wgsl"
  }
}
