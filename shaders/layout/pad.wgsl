// Zeros with x inside: y's element at index low + i * step, axis by axis, is x's at i, where x has one; every other is 0. At most eight
// axes, outermost first, ones in front; a step may be negative. Elements are moved as bits, of any type.
// Tested by test/core/ops.devices.test.ts.
struct Params {
  sizes: array<vec4u, 2>,
  xSizes: array<vec4i, 2>,
  low: array<vec4i, 2>,
  step: array<vec4i, 2>,
  invocations: u32,
  chunks: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<u32>;

// How many axes are in use, counted from the innermost.
override AXES: u32 = 8;

//#include "shared/row-invocation.wgsl"
  var inside = true;
  var at = 0;
  var stride = p.xSizes[1][3];
  for (var k = 1u; k < AXES; k++) {
    let axis = 7u - k;
    let size = p.sizes[axis / 4u][axis % 4u];
    let apart = i32(rest % size) - p.low[axis / 4u][axis % 4u];
    rest /= size;
    let step = p.step[axis / 4u][axis % 4u];
    let index = apart / step;
    inside = inside && index * step == apart && index >= 0 && index < p.xSizes[axis / 4u][axis % 4u];
    at += index * stride;
    stride *= p.xSizes[axis / 4u][axis % 4u];
  }
  let step = p.step[1][3];
  for (var i = id % p.chunks; i < inner; i += p.chunks) {
    let apart = i32(i) - p.low[1][3];
    let index = apart / step;
    var value = 0u;
    if (inside && index * step == apart && index >= 0 && index < p.xSizes[1][3]) { value = x[at + index]; }
    y[row * inner + i] = value;
  }
}
