// Joins up to seven tensors along an axis: x_k is [outer, inner_k], dense, and fills columns offset_k, ... of y [outer, total]. Workgroups
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
//#for i in 0..7 {
@group(0) @binding(${i + 1}) var<storage, read> x${i}: array<u32>;
//#}
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
      //#for i in 0..6 {
      case ${i} { y[to] = x${i}[i]; }
      //#}
      default { y[to] = x6[i]; }
    }
  }
}
