// c[z, i, j] = sum_l a[z, i, l] b[z, l, j]. Sixteen rows by eight columns of sums an invocation, a subgroup of
// eight or more lanes a workgroup.
// a is walked by strides (row, column), so that its transpose needs no copy; b: [batch, k, n] and c: [batch, m, n] dense.
// Lanes run along n, so that neighbours load neighbours of b; a is loaded one row a lane and spread by subgroupBroadcast.
// Rows and columns beyond the edge repeat the last one and are not stored, so that the loop has no branch.
// Tested by test/core/ops.devices.test.ts and test/backends/webgpu/kernels/matmul.webgpu.test.ts.
enable subgroups;

struct Params {
  m: u32, n: u32, k: u32,
  aRow: u32, aColumn: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> c: array<f32>;

// The size of the subgroup, eight or more.
override LANES: u32 = 8;

fn store(row: u32, j: u32, left: vec4f, right: vec4f) {
  for (var q = 0u; q < 4u; q++) {
    if (j + q * LANES < p.n) { c[row + j + q * LANES] = left[q]; }
    if (j + (q + 4u) * LANES < p.n) { c[row + j + (q + 4u) * LANES] = right[q]; }
  }
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = group.y * 16u;
  let j = group.x * LANES * 8u + lane;
  let end = vec4u(p.n - 1u);
  let left = min(vec4u(j, j + LANES, j + 2u * LANES, j + 3u * LANES), end) + group.z * p.k * p.n;
  let right = min(vec4u(j, j + LANES, j + 2u * LANES, j + 3u * LANES) + 4u * LANES, end) + group.z * p.k * p.n;
  let first = group.z * p.m * p.k;
  // Rows i to i + 7 and i + 8 to i + 15, one a lane (lanes beyond the eighth repeat them).
  let upper = first + min(i + lane % 8u, p.m - 1u) * p.aRow;
  let lower = first + min(i + 8u + lane % 8u, p.m - 1u) * p.aRow;
  var s0 = vec4f();
  var t0 = vec4f();
  var s1 = vec4f();
  var t1 = vec4f();
  var s2 = vec4f();
  var t2 = vec4f();
  var s3 = vec4f();
  var t3 = vec4f();
  var s4 = vec4f();
  var t4 = vec4f();
  var s5 = vec4f();
  var t5 = vec4f();
  var s6 = vec4f();
  var t6 = vec4f();
  var s7 = vec4f();
  var t7 = vec4f();
  var s8 = vec4f();
  var t8 = vec4f();
  var s9 = vec4f();
  var t9 = vec4f();
  var s10 = vec4f();
  var t10 = vec4f();
  var s11 = vec4f();
  var t11 = vec4f();
  var s12 = vec4f();
  var t12 = vec4f();
  var s13 = vec4f();
  var t13 = vec4f();
  var s14 = vec4f();
  var t14 = vec4f();
  var s15 = vec4f();
  var t15 = vec4f();
  for (var l = 0u; l < p.k; l++) {
    let u = a[upper + l * p.aColumn];
    let w = a[lower + l * p.aColumn];
    let y = left + l * p.n;
    let z = right + l * p.n;
    let v = vec4f(b[y.x], b[y.y], b[y.z], b[y.w]);
    let x = vec4f(b[z.x], b[z.y], b[z.z], b[z.w]);
    var e: vec4f;
    e = vec4f(subgroupBroadcast(u, 0u));
    s0 = fma(e, v, s0);
    t0 = fma(e, x, t0);
    e = vec4f(subgroupBroadcast(u, 1u));
    s1 = fma(e, v, s1);
    t1 = fma(e, x, t1);
    e = vec4f(subgroupBroadcast(u, 2u));
    s2 = fma(e, v, s2);
    t2 = fma(e, x, t2);
    e = vec4f(subgroupBroadcast(u, 3u));
    s3 = fma(e, v, s3);
    t3 = fma(e, x, t3);
    e = vec4f(subgroupBroadcast(u, 4u));
    s4 = fma(e, v, s4);
    t4 = fma(e, x, t4);
    e = vec4f(subgroupBroadcast(u, 5u));
    s5 = fma(e, v, s5);
    t5 = fma(e, x, t5);
    e = vec4f(subgroupBroadcast(u, 6u));
    s6 = fma(e, v, s6);
    t6 = fma(e, x, t6);
    e = vec4f(subgroupBroadcast(u, 7u));
    s7 = fma(e, v, s7);
    t7 = fma(e, x, t7);
    e = vec4f(subgroupBroadcast(w, 0u));
    s8 = fma(e, v, s8);
    t8 = fma(e, x, t8);
    e = vec4f(subgroupBroadcast(w, 1u));
    s9 = fma(e, v, s9);
    t9 = fma(e, x, t9);
    e = vec4f(subgroupBroadcast(w, 2u));
    s10 = fma(e, v, s10);
    t10 = fma(e, x, t10);
    e = vec4f(subgroupBroadcast(w, 3u));
    s11 = fma(e, v, s11);
    t11 = fma(e, x, t11);
    e = vec4f(subgroupBroadcast(w, 4u));
    s12 = fma(e, v, s12);
    t12 = fma(e, x, t12);
    e = vec4f(subgroupBroadcast(w, 5u));
    s13 = fma(e, v, s13);
    t13 = fma(e, x, t13);
    e = vec4f(subgroupBroadcast(w, 6u));
    s14 = fma(e, v, s14);
    t14 = fma(e, x, t14);
    e = vec4f(subgroupBroadcast(w, 7u));
    s15 = fma(e, v, s15);
    t15 = fma(e, x, t15);
  }
  let to = group.z * p.m * p.n + i * p.n;
  store(to, j, s0, t0);
  if (i + 1u < p.m) { store(to + 1u * p.n, j, s1, t1); }
  if (i + 2u < p.m) { store(to + 2u * p.n, j, s2, t2); }
  if (i + 3u < p.m) { store(to + 3u * p.n, j, s3, t3); }
  if (i + 4u < p.m) { store(to + 4u * p.n, j, s4, t4); }
  if (i + 5u < p.m) { store(to + 5u * p.n, j, s5, t5); }
  if (i + 6u < p.m) { store(to + 6u * p.n, j, s6, t6); }
  if (i + 7u < p.m) { store(to + 7u * p.n, j, s7, t7); }
  if (i + 8u < p.m) { store(to + 8u * p.n, j, s8, t8); }
  if (i + 9u < p.m) { store(to + 9u * p.n, j, s9, t9); }
  if (i + 10u < p.m) { store(to + 10u * p.n, j, s10, t10); }
  if (i + 11u < p.m) { store(to + 11u * p.n, j, s11, t11); }
  if (i + 12u < p.m) { store(to + 12u * p.n, j, s12, t12); }
  if (i + 13u < p.m) { store(to + 13u * p.n, j, s13, t13); }
  if (i + 14u < p.m) { store(to + 14u * p.n, j, s14, t14); }
  if (i + 15u < p.m) { store(to + 15u * p.n, j, s15, t15); }
}
