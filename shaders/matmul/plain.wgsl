// c[z, i, j] = sum_l a[z, i, l] b[z, l, j], one invocation an output element: the plain kernel, for shapes too small for tiles, and for
// sums too long for them: part l of `parts` takes the l from part * chunk on, c is [batch, m, n, parts], and shaders/reduce.wgsl adds them.
// a and b are walked by strides (row, column), so that transposes need no copy. c: [batch, m, n] dense.
// Tested by test/core/ops.devices.test.ts.
struct Params {
  m: u32, n: u32, k: u32, batch: u32,
  aRow: u32, aColumn: u32, bRow: u32, bColumn: u32,
  parts: u32, chunk: u32, zero: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> c: array<f32>;

//#include "shared/long-sum.wgsl" with ZERO = p.zero

//#include "shared/invocation.wgsl" with ENTRY = main, ID = id, END = p.batch * p.m * p.n * p.parts
  let element = id / p.parts;
  let j = element % p.n;
  let i = element / p.n % p.m;
  let z = element / (p.n * p.m);
  let fromA = z * p.m * p.k + i * p.aRow;
  let fromB = z * p.k * p.n + j * p.bColumn;
  let first = id % p.parts * p.chunk;
  let end = min(first + p.chunk, p.k);
  var sum = LongSum();
  for (var start = first; start < end; start += 16u) {
    var block = 0.0;
    for (var l = start; l < min(start + 16u, end); l++) {
      block += a[fromA + l * p.aColumn] * b[fromB + l * p.bRow];
    }
    sum = extend(sum, block);
  }
  c[id] = valueOf(sum);
}
