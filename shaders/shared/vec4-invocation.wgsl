// An entry point of one invocation for every four of p.n elements: i is the vec4's place, at its first element's.
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * 64u + lane;
  let at = i * 4u;
  if (at >= p.n) { return; }
