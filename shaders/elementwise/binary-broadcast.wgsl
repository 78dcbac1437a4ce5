// y[i] = f(a[..], b[..]) for operands that broadcast: at most eight axes, each operand with a stride an axis (0 where it repeats).
// y is dense over `sizes` (outermost first, ones in front). OP as in binary.wgsl.
// Tested by test/core/ops.devices.test.ts.
struct Params {
  sizes: array<vec4u, 2>,
  aStrides: array<vec4u, 2>,
  bStrides: array<vec4u, 2>,
  invocations: u32,
  chunks: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

override OP: u32 = 0;
// How many axes are in use, counted from the innermost.
override AXES: u32 = 8;

//#include "shared/binary-operations.wgsl" with TYPE = f32, WORD = u32, BOOL = bool, ZERO = 0.0, ONE = 1.0

//#include "shared/broadcast-row.wgsl" with OPERANDS = a b
  for (var i = id % p.chunks; i < inner; i += p.chunks) {
    y[row * inner + i] = apply(a[ia + i * p.aStrides[1][3]], b[ib + i * p.bStrides[1][3]]);
  }
}
