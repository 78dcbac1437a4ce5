// An entry point whose lanes along x share the elements of a channel, or of all: lane is the invocation's number along x.
@compute @workgroup_size(64)
fn ${ENTRY}(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let lane = group.x * 64u + local;
