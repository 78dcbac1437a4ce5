// An entry point with a workgroup of 64 a row.
@compute @workgroup_size(64)
fn ${ENTRY}(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = group.y * groups.x + group.x;
  if (row >= size.rows) { return; }
  let start = row * size.k;
