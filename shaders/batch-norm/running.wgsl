// running := (1 - momentum) running + momentum batch, in place, both [2, c]: row 0 the mean as it is, row 1 the variance made unbiased by
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
