// c[z, i, j] = sum_l a[z, i, l] b[z, l, j]. Sixteen rows by eight columns of sums an invocation, a subgroup of
// four lanes a workgroup.
// a is walked by strides (row, column), so that its transpose needs no copy; b: [batch, k, n] and c: [batch, m, n] dense.
// Lanes run along n, so that neighbours load neighbours of b; a is loaded four elements of a row at a time, one a lane, and spread by
// subgroupBroadcast.
// Rows and columns beyond the edge repeat the last one and are not stored, so that the loop has no branch.
// Tested by test/core/ops.devices.test.ts and test/backends/webgpu/kernels/matmul.webgpu.test.ts.
enable subgroups;

//#include "shared/matmul-operands.wgsl"

const LANES = 4u;

//#include "shared/matmul-sixteen-rows.wgsl"
  //#for r in 0..16 {
  let r${r} = first + min(i + ${r}u, p.m - 1u) * p.aRow;
  //#}
  //#for r in 0..16 {
  var s${r} = vec4f();
  var t${r} = vec4f();
  //#}
  for (var l = 0u; l < p.k; l += 4u) {
    // Beyond the end of a row there are zeros, so that whatever b has there adds nothing.
    let inside = l + lane < p.k;
    let x = min(l + lane, p.k - 1u) * p.aColumn;
    //#for r in 0..16 {
    let a${r} = select(0.0, a[r${r} + x], inside);
    //#}
    //#for q in 0..4 {
    let y${q} = min(l + ${q}u, p.k - 1u) * p.n;
    let v${q} = vec4f(b[left.x + y${q}], b[left.y + y${q}], b[left.z + y${q}], b[left.w + y${q}]);
    let w${q} = vec4f(b[right.x + y${q}], b[right.y + y${q}], b[right.z + y${q}], b[right.w + y${q}]);
    //#for r in 0..16 {
    s${r} = fma(vec4f(subgroupBroadcast(a${r}, ${q}u)), v${q}, s${r});
    t${r} = fma(vec4f(subgroupBroadcast(a${r}, ${q}u)), w${q}, t${r});
    //#}
    //#}
  }
  let to = group.z * p.m * p.n + i * p.n;
  store(to, j, s0, t0);
  //#for r in 1..16 {
  if (i + ${r}u < p.m) { store(to + ${r}u * p.n, j, s${r}, t${r}); }
  //#}
}
