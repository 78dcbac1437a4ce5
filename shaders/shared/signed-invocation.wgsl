// invocation.wgsl with i32 numbers, for kernels whose positions may be negative.
@compute @workgroup_size(64)
fn ${ENTRY}(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let ${ID} = i32((group.y * groups.x + group.x) * 64u + lane);
  if (${ID} >= ${END}) { return; }
