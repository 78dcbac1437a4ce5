// The weighted sum of up to ${SLOTS} tensors a dispatch, and the products of its gradient: see mixed-sum/six.wgsl.
struct Terms { size: u32, first: u32, count: u32, carries: u32, lanes: u32 }

@group(0) @binding(0) var<uniform> k: Terms;
@group(0) @binding(1) var<storage, read> z: array<f32>;
//#for i in 0..${SLOTS} {
@group(0) @binding(${i + 2}) var<storage, read> x${i}: array<f32>;
//#}
@group(0) @binding(${SLOTS + 2}) var<storage, read_write> y: array<f32>;

fn weightOf(slot: u32) -> f32 {
  if (slot >= k.count) { return 0.0; }
  if (k.carries == 1u && slot == 0u) { return 1.0; }
  return z[k.first + slot - k.carries];
}

@compute @workgroup_size(64)
fn sum(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  //#for i in 0..${SLOTS} {
  let w${i} = weightOf(${i}u);
  //#}
  let start = (group.y * groups.x + group.x) * 512u + lane;
  for (var i = start; i < min(start + 512u, k.size); i += 64u) {
    var total = w0 * x0[i];
    //#for i in 1..${SLOTS} {
    if (k.count > ${i}u) { total += w${i} * x${i}[i]; }
    //#}
    y[i] = total;
  }
}

// Binding 1 is g here, and the last one holds the sums by lane.
//#include "shared/lane.wgsl" with ENTRY = dots
  //#for i in 0..${SLOTS} {
  var s${i} = 0.0;
  //#}
  for (var i = lane; i < k.size; i += k.lanes) {
    let g = z[i];
    s0 += g * x0[i];
    //#for i in 1..${SLOTS} {
    if (k.count > ${i}u) { s${i} += g * x${i}[i]; }
    //#}
  }
  let to = k.first * k.lanes + lane;
  y[to] = s0;
  if (k.count > 1u) { y[to + k.lanes] = s1; }
  //#for i in 2..${SLOTS} {
  if (k.count > ${i}u) { y[to + ${i}u * k.lanes] = s${i}; }
  //#}
}

@group(0) @binding(2) var<storage, read> g: array<f32>;
//#for i in 0..${SLOTS} {
@group(0) @binding(${i + 3}) var<storage, read_write> g${i}: array<f32>;
//#}
