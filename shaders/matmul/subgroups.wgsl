// c[z, i, j] = sum_l a[z, i, l] b[z, l, j]. Sixteen rows by eight columns of sums an invocation, a subgroup of
// eight or more lanes a workgroup.
// a is walked by strides (row, column), so that its transpose needs no copy; b: [batch, k, n] and c: [batch, m, n] dense.
// Lanes run along n, so that neighbours load neighbours of b; a is loaded one row a lane and spread by subgroupBroadcast.
// Rows and columns beyond the edge repeat the last one and are not stored, so that the loop has no branch.
// Tested by test/core/ops.devices.test.ts and test/backends/webgpu/kernels/matmul.webgpu.test.ts.
enable subgroups;

//#include "shared/matmul-operands.wgsl"

// The size of the subgroup, eight or more.
override LANES: u32 = 8;

//#include "shared/matmul-sixteen-rows.wgsl"
  // Rows i to i + 7 and i + 8 to i + 15, one a lane (lanes beyond the eighth repeat them).
  let upper = first + min(i + lane % 8u, p.m - 1u) * p.aRow;
  let lower = first + min(i + 8u + lane % 8u, p.m - 1u) * p.aRow;
  //#for r in 0..16 {
  var s${r} = vec4f();
  var t${r} = vec4f();
  //#}
  for (var l = 0u; l < p.k; l++) {
    let u = a[upper + l * p.aColumn];
    let w = a[lower + l * p.aColumn];
    let y = left + l * p.n;
    let z = right + l * p.n;
    let v = vec4f(b[y.x], b[y.y], b[y.z], b[y.w]);
    let x = vec4f(b[z.x], b[z.y], b[z.z], b[z.w]);
    var e: vec4f;
    //#for half, h in u w {
    //#for r in 0..8 {
    e = vec4f(subgroupBroadcast(${half}, ${r}u));
    s${8 * h + r} = fma(e, v, s${8 * h + r});
    t${8 * h + r} = fma(e, x, t${8 * h + r});
    //#}
    //#}
  }
  let to = group.z * p.m * p.n + i * p.n;
  store(to, j, s0, t0);
  //#for r in 1..16 {
  if (i + ${r}u < p.m) { store(to + ${r}u * p.n, j, s${r}, t${r}); }
  //#}
}
