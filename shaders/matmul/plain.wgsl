// c[z, i, j] = sum_l a[z, i, l] b[z, l, j], one invocation an output element: the plain kernel, for shapes too small for tiles.
// a and b are walked by strides (row, column), so that transposes need no copy. c: [batch, m, n] dense.
// Tested by test/core/ops.devices.test.ts.
struct Params {
  m: u32, n: u32, k: u32, batch: u32,
  aRow: u32, aColumn: u32, bRow: u32, bColumn: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> c: array<f32>;

//#include "shared/invocation.wgsl" with ENTRY = main, ID = id, END = p.batch * p.m * p.n
  let j = id % p.n;
  let i = id / p.n % p.m;
  let z = id / (p.n * p.m);
  let fromA = z * p.m * p.k + i * p.aRow;
  let fromB = z * p.k * p.n + j * p.bColumn;
  var sum = 0.0;
  for (var l = 0u; l < p.k; l++) {
    sum += a[fromA + l * p.aColumn] * b[fromB + l * p.bRow];
  }
  c[id] = sum;
}
