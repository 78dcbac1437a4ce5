// y[i] = f(a[i], b[i]), four elements an invocation, where the operands have the output's shape or are scalars.
// OP says which f (shared/binary-operations.wgsl); A_SCALAR and B_SCALAR which operand repeats.
// a, b, y: [n] or [1], read as vec4; the last vec4 is written element by element, since a view may end inside it.
// Tested by test/core/ops.devices.test.ts.
struct Params { n: u32 }

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> a: array<vec4f>;
@group(0) @binding(2) var<storage, read> b: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4f>;

override OP: u32 = 0;
override A_SCALAR: bool = false;
override B_SCALAR: bool = false;

//#include "shared/binary-operations.wgsl" with TYPE = vec4f, WORD = vec4u, BOOL = vec4<bool>, ZERO = vec4f(0.0), ONE = vec4f(1.0)

//#include "shared/vec4-invocation.wgsl"
  //#include "shared/vec4-operands.wgsl"
  let w = apply(u, v);
  //#include "shared/vec4-store.wgsl" with VALUE = w
}
