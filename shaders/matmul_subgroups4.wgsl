// c[z, i, j] = sum_l a[z, i, l] b[z, l, j]. Sixteen rows by eight columns of sums an invocation, a subgroup of
// four lanes a workgroup.
// a is walked by strides (row, column), so that its transpose needs no copy; b: [batch, k, n] and c: [batch, m, n] dense.
// Lanes run along n, so that neighbours load neighbours of b; a is loaded four elements of a row at a time, one a lane, and spread by
// subgroupBroadcast.
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

const LANES = 4u;

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
  let r0 = first + min(i + 0u, p.m - 1u) * p.aRow;
  let r1 = first + min(i + 1u, p.m - 1u) * p.aRow;
  let r2 = first + min(i + 2u, p.m - 1u) * p.aRow;
  let r3 = first + min(i + 3u, p.m - 1u) * p.aRow;
  let r4 = first + min(i + 4u, p.m - 1u) * p.aRow;
  let r5 = first + min(i + 5u, p.m - 1u) * p.aRow;
  let r6 = first + min(i + 6u, p.m - 1u) * p.aRow;
  let r7 = first + min(i + 7u, p.m - 1u) * p.aRow;
  let r8 = first + min(i + 8u, p.m - 1u) * p.aRow;
  let r9 = first + min(i + 9u, p.m - 1u) * p.aRow;
  let r10 = first + min(i + 10u, p.m - 1u) * p.aRow;
  let r11 = first + min(i + 11u, p.m - 1u) * p.aRow;
  let r12 = first + min(i + 12u, p.m - 1u) * p.aRow;
  let r13 = first + min(i + 13u, p.m - 1u) * p.aRow;
  let r14 = first + min(i + 14u, p.m - 1u) * p.aRow;
  let r15 = first + min(i + 15u, p.m - 1u) * p.aRow;
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
  for (var l = 0u; l < p.k; l += 4u) {
    // Beyond the end of a row there are zeros, so that whatever b has there adds nothing.
    let inside = l + lane < p.k;
    let x = min(l + lane, p.k - 1u) * p.aColumn;
    let a0 = select(0.0, a[r0 + x], inside);
    let a1 = select(0.0, a[r1 + x], inside);
    let a2 = select(0.0, a[r2 + x], inside);
    let a3 = select(0.0, a[r3 + x], inside);
    let a4 = select(0.0, a[r4 + x], inside);
    let a5 = select(0.0, a[r5 + x], inside);
    let a6 = select(0.0, a[r6 + x], inside);
    let a7 = select(0.0, a[r7 + x], inside);
    let a8 = select(0.0, a[r8 + x], inside);
    let a9 = select(0.0, a[r9 + x], inside);
    let a10 = select(0.0, a[r10 + x], inside);
    let a11 = select(0.0, a[r11 + x], inside);
    let a12 = select(0.0, a[r12 + x], inside);
    let a13 = select(0.0, a[r13 + x], inside);
    let a14 = select(0.0, a[r14 + x], inside);
    let a15 = select(0.0, a[r15 + x], inside);
    let y0 = min(l + 0u, p.k - 1u) * p.n;
    let v0 = vec4f(b[left.x + y0], b[left.y + y0], b[left.z + y0], b[left.w + y0]);
    let w0 = vec4f(b[right.x + y0], b[right.y + y0], b[right.z + y0], b[right.w + y0]);
    s0 = fma(vec4f(subgroupBroadcast(a0, 0u)), v0, s0);
    t0 = fma(vec4f(subgroupBroadcast(a0, 0u)), w0, t0);
    s1 = fma(vec4f(subgroupBroadcast(a1, 0u)), v0, s1);
    t1 = fma(vec4f(subgroupBroadcast(a1, 0u)), w0, t1);
    s2 = fma(vec4f(subgroupBroadcast(a2, 0u)), v0, s2);
    t2 = fma(vec4f(subgroupBroadcast(a2, 0u)), w0, t2);
    s3 = fma(vec4f(subgroupBroadcast(a3, 0u)), v0, s3);
    t3 = fma(vec4f(subgroupBroadcast(a3, 0u)), w0, t3);
    s4 = fma(vec4f(subgroupBroadcast(a4, 0u)), v0, s4);
    t4 = fma(vec4f(subgroupBroadcast(a4, 0u)), w0, t4);
    s5 = fma(vec4f(subgroupBroadcast(a5, 0u)), v0, s5);
    t5 = fma(vec4f(subgroupBroadcast(a5, 0u)), w0, t5);
    s6 = fma(vec4f(subgroupBroadcast(a6, 0u)), v0, s6);
    t6 = fma(vec4f(subgroupBroadcast(a6, 0u)), w0, t6);
    s7 = fma(vec4f(subgroupBroadcast(a7, 0u)), v0, s7);
    t7 = fma(vec4f(subgroupBroadcast(a7, 0u)), w0, t7);
    s8 = fma(vec4f(subgroupBroadcast(a8, 0u)), v0, s8);
    t8 = fma(vec4f(subgroupBroadcast(a8, 0u)), w0, t8);
    s9 = fma(vec4f(subgroupBroadcast(a9, 0u)), v0, s9);
    t9 = fma(vec4f(subgroupBroadcast(a9, 0u)), w0, t9);
    s10 = fma(vec4f(subgroupBroadcast(a10, 0u)), v0, s10);
    t10 = fma(vec4f(subgroupBroadcast(a10, 0u)), w0, t10);
    s11 = fma(vec4f(subgroupBroadcast(a11, 0u)), v0, s11);
    t11 = fma(vec4f(subgroupBroadcast(a11, 0u)), w0, t11);
    s12 = fma(vec4f(subgroupBroadcast(a12, 0u)), v0, s12);
    t12 = fma(vec4f(subgroupBroadcast(a12, 0u)), w0, t12);
    s13 = fma(vec4f(subgroupBroadcast(a13, 0u)), v0, s13);
    t13 = fma(vec4f(subgroupBroadcast(a13, 0u)), w0, t13);
    s14 = fma(vec4f(subgroupBroadcast(a14, 0u)), v0, s14);
    t14 = fma(vec4f(subgroupBroadcast(a14, 0u)), w0, t14);
    s15 = fma(vec4f(subgroupBroadcast(a15, 0u)), v0, s15);
    t15 = fma(vec4f(subgroupBroadcast(a15, 0u)), w0, t15);
    let y1 = min(l + 1u, p.k - 1u) * p.n;
    let v1 = vec4f(b[left.x + y1], b[left.y + y1], b[left.z + y1], b[left.w + y1]);
    let w1 = vec4f(b[right.x + y1], b[right.y + y1], b[right.z + y1], b[right.w + y1]);
    s0 = fma(vec4f(subgroupBroadcast(a0, 1u)), v1, s0);
    t0 = fma(vec4f(subgroupBroadcast(a0, 1u)), w1, t0);
    s1 = fma(vec4f(subgroupBroadcast(a1, 1u)), v1, s1);
    t1 = fma(vec4f(subgroupBroadcast(a1, 1u)), w1, t1);
    s2 = fma(vec4f(subgroupBroadcast(a2, 1u)), v1, s2);
    t2 = fma(vec4f(subgroupBroadcast(a2, 1u)), w1, t2);
    s3 = fma(vec4f(subgroupBroadcast(a3, 1u)), v1, s3);
    t3 = fma(vec4f(subgroupBroadcast(a3, 1u)), w1, t3);
    s4 = fma(vec4f(subgroupBroadcast(a4, 1u)), v1, s4);
    t4 = fma(vec4f(subgroupBroadcast(a4, 1u)), w1, t4);
    s5 = fma(vec4f(subgroupBroadcast(a5, 1u)), v1, s5);
    t5 = fma(vec4f(subgroupBroadcast(a5, 1u)), w1, t5);
    s6 = fma(vec4f(subgroupBroadcast(a6, 1u)), v1, s6);
    t6 = fma(vec4f(subgroupBroadcast(a6, 1u)), w1, t6);
    s7 = fma(vec4f(subgroupBroadcast(a7, 1u)), v1, s7);
    t7 = fma(vec4f(subgroupBroadcast(a7, 1u)), w1, t7);
    s8 = fma(vec4f(subgroupBroadcast(a8, 1u)), v1, s8);
    t8 = fma(vec4f(subgroupBroadcast(a8, 1u)), w1, t8);
    s9 = fma(vec4f(subgroupBroadcast(a9, 1u)), v1, s9);
    t9 = fma(vec4f(subgroupBroadcast(a9, 1u)), w1, t9);
    s10 = fma(vec4f(subgroupBroadcast(a10, 1u)), v1, s10);
    t10 = fma(vec4f(subgroupBroadcast(a10, 1u)), w1, t10);
    s11 = fma(vec4f(subgroupBroadcast(a11, 1u)), v1, s11);
    t11 = fma(vec4f(subgroupBroadcast(a11, 1u)), w1, t11);
    s12 = fma(vec4f(subgroupBroadcast(a12, 1u)), v1, s12);
    t12 = fma(vec4f(subgroupBroadcast(a12, 1u)), w1, t12);
    s13 = fma(vec4f(subgroupBroadcast(a13, 1u)), v1, s13);
    t13 = fma(vec4f(subgroupBroadcast(a13, 1u)), w1, t13);
    s14 = fma(vec4f(subgroupBroadcast(a14, 1u)), v1, s14);
    t14 = fma(vec4f(subgroupBroadcast(a14, 1u)), w1, t14);
    s15 = fma(vec4f(subgroupBroadcast(a15, 1u)), v1, s15);
    t15 = fma(vec4f(subgroupBroadcast(a15, 1u)), w1, t15);
    let y2 = min(l + 2u, p.k - 1u) * p.n;
    let v2 = vec4f(b[left.x + y2], b[left.y + y2], b[left.z + y2], b[left.w + y2]);
    let w2 = vec4f(b[right.x + y2], b[right.y + y2], b[right.z + y2], b[right.w + y2]);
    s0 = fma(vec4f(subgroupBroadcast(a0, 2u)), v2, s0);
    t0 = fma(vec4f(subgroupBroadcast(a0, 2u)), w2, t0);
    s1 = fma(vec4f(subgroupBroadcast(a1, 2u)), v2, s1);
    t1 = fma(vec4f(subgroupBroadcast(a1, 2u)), w2, t1);
    s2 = fma(vec4f(subgroupBroadcast(a2, 2u)), v2, s2);
    t2 = fma(vec4f(subgroupBroadcast(a2, 2u)), w2, t2);
    s3 = fma(vec4f(subgroupBroadcast(a3, 2u)), v2, s3);
    t3 = fma(vec4f(subgroupBroadcast(a3, 2u)), w2, t3);
    s4 = fma(vec4f(subgroupBroadcast(a4, 2u)), v2, s4);
    t4 = fma(vec4f(subgroupBroadcast(a4, 2u)), w2, t4);
    s5 = fma(vec4f(subgroupBroadcast(a5, 2u)), v2, s5);
    t5 = fma(vec4f(subgroupBroadcast(a5, 2u)), w2, t5);
    s6 = fma(vec4f(subgroupBroadcast(a6, 2u)), v2, s6);
    t6 = fma(vec4f(subgroupBroadcast(a6, 2u)), w2, t6);
    s7 = fma(vec4f(subgroupBroadcast(a7, 2u)), v2, s7);
    t7 = fma(vec4f(subgroupBroadcast(a7, 2u)), w2, t7);
    s8 = fma(vec4f(subgroupBroadcast(a8, 2u)), v2, s8);
    t8 = fma(vec4f(subgroupBroadcast(a8, 2u)), w2, t8);
    s9 = fma(vec4f(subgroupBroadcast(a9, 2u)), v2, s9);
    t9 = fma(vec4f(subgroupBroadcast(a9, 2u)), w2, t9);
    s10 = fma(vec4f(subgroupBroadcast(a10, 2u)), v2, s10);
    t10 = fma(vec4f(subgroupBroadcast(a10, 2u)), w2, t10);
    s11 = fma(vec4f(subgroupBroadcast(a11, 2u)), v2, s11);
    t11 = fma(vec4f(subgroupBroadcast(a11, 2u)), w2, t11);
    s12 = fma(vec4f(subgroupBroadcast(a12, 2u)), v2, s12);
    t12 = fma(vec4f(subgroupBroadcast(a12, 2u)), w2, t12);
    s13 = fma(vec4f(subgroupBroadcast(a13, 2u)), v2, s13);
    t13 = fma(vec4f(subgroupBroadcast(a13, 2u)), w2, t13);
    s14 = fma(vec4f(subgroupBroadcast(a14, 2u)), v2, s14);
    t14 = fma(vec4f(subgroupBroadcast(a14, 2u)), w2, t14);
    s15 = fma(vec4f(subgroupBroadcast(a15, 2u)), v2, s15);
    t15 = fma(vec4f(subgroupBroadcast(a15, 2u)), w2, t15);
    let y3 = min(l + 3u, p.k - 1u) * p.n;
    let v3 = vec4f(b[left.x + y3], b[left.y + y3], b[left.z + y3], b[left.w + y3]);
    let w3 = vec4f(b[right.x + y3], b[right.y + y3], b[right.z + y3], b[right.w + y3]);
    s0 = fma(vec4f(subgroupBroadcast(a0, 3u)), v3, s0);
    t0 = fma(vec4f(subgroupBroadcast(a0, 3u)), w3, t0);
    s1 = fma(vec4f(subgroupBroadcast(a1, 3u)), v3, s1);
    t1 = fma(vec4f(subgroupBroadcast(a1, 3u)), w3, t1);
    s2 = fma(vec4f(subgroupBroadcast(a2, 3u)), v3, s2);
    t2 = fma(vec4f(subgroupBroadcast(a2, 3u)), w3, t2);
    s3 = fma(vec4f(subgroupBroadcast(a3, 3u)), v3, s3);
    t3 = fma(vec4f(subgroupBroadcast(a3, 3u)), w3, t3);
    s4 = fma(vec4f(subgroupBroadcast(a4, 3u)), v3, s4);
    t4 = fma(vec4f(subgroupBroadcast(a4, 3u)), w3, t4);
    s5 = fma(vec4f(subgroupBroadcast(a5, 3u)), v3, s5);
    t5 = fma(vec4f(subgroupBroadcast(a5, 3u)), w3, t5);
    s6 = fma(vec4f(subgroupBroadcast(a6, 3u)), v3, s6);
    t6 = fma(vec4f(subgroupBroadcast(a6, 3u)), w3, t6);
    s7 = fma(vec4f(subgroupBroadcast(a7, 3u)), v3, s7);
    t7 = fma(vec4f(subgroupBroadcast(a7, 3u)), w3, t7);
    s8 = fma(vec4f(subgroupBroadcast(a8, 3u)), v3, s8);
    t8 = fma(vec4f(subgroupBroadcast(a8, 3u)), w3, t8);
    s9 = fma(vec4f(subgroupBroadcast(a9, 3u)), v3, s9);
    t9 = fma(vec4f(subgroupBroadcast(a9, 3u)), w3, t9);
    s10 = fma(vec4f(subgroupBroadcast(a10, 3u)), v3, s10);
    t10 = fma(vec4f(subgroupBroadcast(a10, 3u)), w3, t10);
    s11 = fma(vec4f(subgroupBroadcast(a11, 3u)), v3, s11);
    t11 = fma(vec4f(subgroupBroadcast(a11, 3u)), w3, t11);
    s12 = fma(vec4f(subgroupBroadcast(a12, 3u)), v3, s12);
    t12 = fma(vec4f(subgroupBroadcast(a12, 3u)), w3, t12);
    s13 = fma(vec4f(subgroupBroadcast(a13, 3u)), v3, s13);
    t13 = fma(vec4f(subgroupBroadcast(a13, 3u)), w3, t13);
    s14 = fma(vec4f(subgroupBroadcast(a14, 3u)), v3, s14);
    t14 = fma(vec4f(subgroupBroadcast(a14, 3u)), w3, t14);
    s15 = fma(vec4f(subgroupBroadcast(a15, 3u)), v3, s15);
    t15 = fma(vec4f(subgroupBroadcast(a15, 3u)), w3, t15);
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
