// u[i] = ((bits[i] >> 9) + 1/2) 2^-23: one of 2^23 values in the open interval (0, 1), exact in f32.
// bits: [n] u32, u: [n] f32. One invocation an element. Tested by test/core/ops.devices.test.ts.
struct Params { n: u32 }

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> bits: array<u32>;
@group(0) @binding(2) var<storage, read_write> u: array<f32>;

//#include "shared/invocation.wgsl" with ENTRY = main, ID = i, END = p.n
  // 2 (bits >> 9) + 1 has 24 bits, so the conversion and the product are exact.
  u[i] = f32(((bits[i] >> 9u) << 1u) | 1u) * 0x1p-24;
}
