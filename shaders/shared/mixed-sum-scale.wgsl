// gx_k = z_k g for ${NUMBER} tensors, two or more.
@compute @workgroup_size(64)
fn scale${NUMBER}(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let w0 = z[k.first];
  //#for i in 1..${NUMBER} {
  let w${i} = z[k.first + ${i}u];
  //#}
  let start = (group.y * groups.x + group.x) * 512u + lane;
  for (var i = start; i < min(start + 512u, k.size); i += 64u) {
    let value = g[i];
    //#for i in 0..${NUMBER} {
    g${i}[i] = w${i} * value;
    //#}
  }
}
