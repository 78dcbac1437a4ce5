// y[r, j] = x[r, index[r, j]]. x: [rows, n], index and y: [rows, m], indices as floats. One invocation an output element.
// Tested by test/core/ops.devices.test.ts.
struct Params { rows: u32, n: u32, m: u32 }

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> index: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

//#include "shared/invocation.wgsl" with ENTRY = main, ID = i, END = p.rows * p.m
  y[i] = x[i / p.m * p.n + u32(index[i])];
}
