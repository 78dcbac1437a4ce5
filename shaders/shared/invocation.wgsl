// An entry point of one invocation an element, ${ID}, on a grid that is folded into two dimensions where one has too few workgroups.
@compute @workgroup_size(64)
fn ${ENTRY}(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let ${ID} = (group.y * groups.x + group.x) * 64u + lane;
  if (${ID} >= ${END}) { return; }
