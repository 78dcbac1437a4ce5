// y = (x - coefficient 0) * coefficient 1 + coefficient 2 with the channel's coefficients [3, c]; x [n, c, h, w].
// Lanes walk a channel as in statistics.wgsl. Tested by test/core/fused.devices.test.ts.
struct Channels {
  //#include "shared/channel-geometry.wgsl"
}

@group(0) @binding(0) var<uniform> k: Channels;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> coefficients: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

//#include "shared/lane.wgsl" with ENTRY = main
  let channel = group.y;
  let centre = coefficients[channel];
  let gain = coefficients[k.c + channel];
  let shift = coefficients[2u * k.c + channel];
  //#include "shared/channel-start.wgsl"
  for (var i = lane; i < k.count; i += k.lanes) {
    y[base + offset] = (x[base + offset] - centre) * gain + shift;
    //#include "shared/channel-advance.wgsl"
  }
}
