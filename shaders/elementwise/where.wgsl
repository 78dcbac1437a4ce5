// y[i] = a where c is not 0, else b; all three broadcast: at most eight axes, a stride an axis (0 where an operand repeats).
// y is dense over `sizes` (outermost first, ones in front).
// Tested by test/core/ops.devices.test.ts.
struct Params {
  sizes: array<vec4u, 2>,
  cStrides: array<vec4u, 2>,
  aStrides: array<vec4u, 2>,
  bStrides: array<vec4u, 2>,
  invocations: u32,
  chunks: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> c: array<f32>;
@group(0) @binding(2) var<storage, read> a: array<f32>;
@group(0) @binding(3) var<storage, read> b: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

// How many axes are in use, counted from the innermost.
override AXES: u32 = 8;

//#include "shared/broadcast-row.wgsl" with OPERANDS = c a b
  for (var i = id % p.chunks; i < inner; i += p.chunks) {
    // By its bits, so that NaN is not 0.
    if ((bitcast<u32>(c[ic + i * p.cStrides[1][3]]) & 0x7fffffffu) != 0u) {
      y[row * inner + i] = a[ia + i * p.aStrides[1][3]];
    } else {
      y[row * inner + i] = b[ib + i * p.bStrides[1][3]];
    }
  }
}
