// y = (x - coefficient 0) * coefficient 1 + coefficient 2 with the channel's coefficients [3, c]; x [n, c, h, w].
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
