// weighted_sum.wgsl with seven tensors a dispatch, for devices that bind more than eight buffers: an edge of SNAS has seven.
//   sum     y = z_first x_0 + z_(first + 1) x_1 + ...; where `carries`, x_0 is a running sum and has weight 1
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
