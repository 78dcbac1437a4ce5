// The weighted sum of a mixed operation, y = sum_k z_k x_k, z [k], up to six tensors x_k of one size, and its gradients.
//   sum     y = z_first x_0 + z_(first + 1) x_1 + ...; where `carries`, x_0 is a running sum and has weight 1
//   dots    lane sums [k, lanes]: each lane's share of <g, x_k>, which partial-sums.wgsl adds
//   scaleN  gx_k = z_k g for N tensors
// Unused inputs are bound to a tensor in use and not read. Tested by test/core/fused.devices.test.ts.
//#include "shared/mixed-sum.wgsl" with SLOTS = 6

@compute @workgroup_size(64)
fn scale1(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let w0 = z[k.first];
  let start = (group.y * groups.x + group.x) * 512u + lane;
  for (var i = start; i < min(start + 512u, k.size); i += 64u) { g0[i] = w0 * g[i]; }
}

//#for n in 2 3 6 {
//#include "shared/mixed-sum-scale.wgsl" with NUMBER = ${n}
//#}
