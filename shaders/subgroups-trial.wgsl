// What a compiler must take before kernels with subgroups are chosen: y[lane] = the lanes of its subgroup, and its first one. Small, so that a
// whole pipeline of it is made at once. Tested by test/backends/webgpu/runtime/trial.webgpu.test.ts.
enable subgroups;

@group(0) @binding(0) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(32)
fn main(@builtin(local_invocation_index) lane: u32) {
  y[lane] = subgroupBroadcast(f32(lane), 0u) + subgroupAdd(1.0);
}
