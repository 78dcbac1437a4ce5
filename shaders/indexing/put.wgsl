// x[r, i] = sum of g[r, j] over the j with index[r, j] = i: the adjoint of take, as a gather (WGSL has no float atomics), so that
// the order of the sum is fixed. g and index: [rows, m], x: [rows, n], indices as floats. One invocation an output element.
// Tested by test/core/ops.devices.test.ts.
struct Params { rows: u32, n: u32, m: u32 }

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> g: array<f32>;
@group(0) @binding(2) var<storage, read> index: array<f32>;
@group(0) @binding(3) var<storage, read_write> x: array<f32>;

//#include "shared/invocation.wgsl" with ENTRY = main, ID = id, END = p.rows * p.n
  let wanted = f32(id % p.n);
  let first = id / p.n * p.m;
  var sum = 0.0;
  for (var j = first; j < first + p.m; j++) {
    if (index[j] == wanted) { sum += g[j]; }
  }
  x[id] = sum;
}
