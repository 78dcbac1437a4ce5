// c[z, i, j] = sum_l a[z, i, l] b[z, l, j]. Eight rows by four columns of sums an invocation, without subgroups.
// a is walked by strides (row, column), so that its transpose needs no copy; b: [batch, k, n] and c: [batch, m, n] dense.
// Lanes run along n, so that neighbours load neighbours of b; all load the same elements of a.
// Rows and columns beyond the edge repeat the last one and are not stored, so that the loop has no branch.
// Of a long sum a workgroup takes `chunk` terms, and c is [batch, parts, m, n]; shaders/reduce.wgsl adds the parts.
// Tested by test/core/ops.devices.test.ts and test/backends/webgpu/kernels/matmul.webgpu.test.ts.
struct Params {
  m: u32, n: u32, k: u32,
  aRow: u32, aColumn: u32,
  parts: u32, chunk: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> c: array<f32>;

override LANES: u32 = 8;
// Terms that are added in a row; such sums are added to others. 0: all, for they are few.
override BLOCK: u32 = 0;

fn store(row: u32, j: u32, s: vec4f) {
  for (var q = 0u; q < 4u; q++) {
    if (j + q * LANES < p.n) { c[row + j + q * LANES] = s[q]; }
  }
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = group.y * 8u;
  let j = group.x * LANES * 4u + lane;
  let z = group.z / p.parts;
  let start = group.z % p.parts * p.chunk;
  let end = min(start + p.chunk, p.k);
  let at = min(vec4u(j, j + LANES, j + 2u * LANES, j + 3u * LANES), vec4u(p.n - 1u)) + z * p.k * p.n;
  let first = z * p.m * p.k;
  //#for r in 0..8 {
  let r${r} = first + min(i + ${r}u, p.m - 1u) * p.aRow;
  //#}
  //#for r in 0..8 {
  var s${r} = vec4f();
  //#}
  //#for r in 0..8 {
  var t${r} = vec4f();
  //#}
  for (var l = start; l < end; l++) {
    if (BLOCK > 0u && l % max(BLOCK, 1u) == 0u) {
      //#for r in 0..8 {
      t${r} += s${r};
      s${r} = vec4f();
      //#}
    }
    let x = l * p.aColumn;
    let y = at + l * p.n;
    let v = vec4f(b[y.x], b[y.y], b[y.z], b[y.w]);
    //#for r in 0..8 {
    s${r} = fma(vec4f(a[r${r} + x]), v, s${r});
    //#}
  }
  if (BLOCK > 0u) {
    //#for r in 0..8 {
    s${r} += t${r};
    //#}
  }
  let to = group.z * p.m * p.n + i * p.n;
  store(to, j, s0);
  //#for r in 1..8 {
  if (i + ${r}u < p.m) { store(to + ${r}u * p.n, j, s${r}); }
  //#}
}
