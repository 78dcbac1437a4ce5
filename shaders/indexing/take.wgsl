// y[r, j] = x[r, index[r, j]], NaN where that names no element of the row. x: [rows, n], index and y: [rows, m], indices as floats. One invocation an output element.
// Tested by test/core/ops.devices.test.ts.
struct Params { rows: u32, n: u32, m: u32 }

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> index: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

//#include "shared/special.wgsl" with TYPE = f32, WORD = u32, BOOL = bool

//#include "shared/invocation.wgsl" with ENTRY = main, ID = i, END = p.rows * p.m
  let at = index[i];
  let known = !isNan(at) && at >= 0.0 && at < f32(p.n) && floor(at) == at;
  y[i] = select(nanOf(at), x[i / p.m * p.n + select(0u, u32(max(at, 0.0)), known)], known);
}
