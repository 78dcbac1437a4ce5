// y[i] = value (bits). y: [n]. Four elements an invocation. Tested by test/shared/primitives.test.ts (pad).
struct Params { n: u32, value: u32 }

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let first = ((group.y * groups.x + group.x) * 64u + lane) * 4u;
  for (var i = first; i < min(first + 4u, p.n); i++) { y[i] = p.value; }
}
