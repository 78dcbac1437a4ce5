// c[z, i, j] = sum_l a[z, i, l] b[z, l, j]. Eight rows by four columns of sums an invocation, without subgroups.
// a is walked by strides (row, column), so that its transpose needs no copy; b: [batch, k, n] and c: [batch, m, n] dense.
// Lanes run along n, so that neighbours load neighbours of b; all load the same elements of a.
// Rows and columns beyond the edge repeat the last one and are not stored, so that the loop has no branch.
// Tested by test/core/ops.devices.test.ts and test/backends/webgpu/kernels/matmul.webgpu.test.ts.
struct Params {
  m: u32, n: u32, k: u32,
  aRow: u32, aColumn: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> c: array<f32>;

override LANES: u32 = 8;

fn store(row: u32, j: u32, s: vec4f) {
  for (var q = 0u; q < 4u; q++) {
    if (j + q * LANES < p.n) { c[row + j + q * LANES] = s[q]; }
  }
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = group.y * 8u;
  let j = group.x * LANES * 4u + lane;
  let at = min(vec4u(j, j + LANES, j + 2u * LANES, j + 3u * LANES), vec4u(p.n - 1u)) + group.z * p.k * p.n;
  let first = group.z * p.m * p.k;
  let r0 = first + min(i + 0u, p.m - 1u) * p.aRow;
  let r1 = first + min(i + 1u, p.m - 1u) * p.aRow;
  let r2 = first + min(i + 2u, p.m - 1u) * p.aRow;
  let r3 = first + min(i + 3u, p.m - 1u) * p.aRow;
  let r4 = first + min(i + 4u, p.m - 1u) * p.aRow;
  let r5 = first + min(i + 5u, p.m - 1u) * p.aRow;
  let r6 = first + min(i + 6u, p.m - 1u) * p.aRow;
  let r7 = first + min(i + 7u, p.m - 1u) * p.aRow;
  var s0 = vec4f();
  var s1 = vec4f();
  var s2 = vec4f();
  var s3 = vec4f();
  var s4 = vec4f();
  var s5 = vec4f();
  var s6 = vec4f();
  var s7 = vec4f();
  for (var l = 0u; l < p.k; l++) {
    let x = l * p.aColumn;
    let y = at + l * p.n;
    let v = vec4f(b[y.x], b[y.y], b[y.z], b[y.w]);
    s0 = fma(vec4f(a[r0 + x]), v, s0);
    s1 = fma(vec4f(a[r1 + x]), v, s1);
    s2 = fma(vec4f(a[r2 + x]), v, s2);
    s3 = fma(vec4f(a[r3 + x]), v, s3);
    s4 = fma(vec4f(a[r4 + x]), v, s4);
    s5 = fma(vec4f(a[r5 + x]), v, s5);
    s6 = fma(vec4f(a[r6 + x]), v, s6);
    s7 = fma(vec4f(a[r7 + x]), v, s7);
  }
  let to = group.z * p.m * p.n + i * p.n;
  store(to, j, s0);
  if (i + 1u < p.m) { store(to + 1u * p.n, j, s1); }
  if (i + 2u < p.m) { store(to + 2u * p.n, j, s2); }
  if (i + 3u < p.m) { store(to + 3u * p.n, j, s3); }
  if (i + 4u < p.m) { store(to + 4u * p.n, j, s4); }
  if (i + 5u < p.m) { store(to + 5u * p.n, j, s5); }
  if (i + 6u < p.m) { store(to + 6u * p.n, j, s6); }
  if (i + 7u < p.m) { store(to + 7u * p.n, j, s7); }
}
