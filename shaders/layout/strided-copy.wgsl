// y[yOrigin + sum_k index_k yStrides_k] = x[xOrigin + sum_k index_k xStrides_k] over all indices of `sizes`: permute, broadcast, slice,
// concat and (after zeros) pad. at most eight axes, strides may be negative or 0. Elements are moved as bits, of any type.
// Tested by test/core/ops.devices.test.ts.
struct Params {
  sizes: array<vec4u, 2>,
  xStrides: array<vec4i, 2>,
  yStrides: array<vec4i, 2>,
  xOrigin: i32,
  yOrigin: i32,
  invocations: u32,
  chunks: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<u32>;

// How many axes are in use, counted from the innermost.
override AXES: u32 = 8;

//#include "shared/row-invocation.wgsl"
  var ix = p.xOrigin;
  var iy = p.yOrigin;
  for (var k = 1u; k < AXES; k++) {
    let axis = 7u - k;
    let size = p.sizes[axis / 4u][axis % 4u];
    let index = i32(rest % size);
    rest /= size;
    ix += index * p.xStrides[axis / 4u][axis % 4u];
    iy += index * p.yStrides[axis / 4u][axis % 4u];
  }
  for (var i = id % p.chunks; i < inner; i += p.chunks) {
    y[iy + i32(i) * p.yStrides[1][3]] = x[ix + i32(i) * p.xStrides[1][3]];
  }
}
