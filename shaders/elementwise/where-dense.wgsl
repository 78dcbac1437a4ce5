// y[i] = a[i] where c[i] is not 0, else b[i], four elements an invocation, where c has the output's shape and a and b have it too or
// are scalars (A_SCALAR, B_SCALAR). c, a, b, y: [n] or [1], read as vec4; the last vec4 is written element by element, since a view
// may end inside it. Tested by test/core/ops.devices.test.ts.
struct Params { n: u32 }

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> c: array<vec4f>;
@group(0) @binding(2) var<storage, read> a: array<vec4f>;
@group(0) @binding(3) var<storage, read> b: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> y: array<vec4f>;

override A_SCALAR: bool = false;
override B_SCALAR: bool = false;

//#include "shared/vec4-invocation.wgsl"
  //#include "shared/vec4-operands.wgsl"
  // By its bits, so that NaN is not 0.
  let w = select(v, u, (bitcast<vec4u>(c[i]) & vec4u(0x7fffffffu)) != vec4u());
  //#include "shared/vec4-store.wgsl" with VALUE = w
}
