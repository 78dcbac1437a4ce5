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
