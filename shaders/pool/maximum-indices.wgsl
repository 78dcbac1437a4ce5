// For each window the flat index (y w + x) of its first maximum in its plane, as a float; padding is never chosen.
// x [planes, h, w] -> [planes, oh, ow]. One invocation an output element. Tested by test/core/conv.devices.test.ts.
struct Geometry {
  //#include "shared/window-geometry.wgsl"
  size: i32,
}

@group(0) @binding(0) var<uniform> k: Geometry;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> index: array<f32>;

//#include "shared/special.wgsl" with TYPE = f32, WORD = u32, BOOL = bool

//#include "shared/signed-invocation.wgsl" with ENTRY = main, ID = id, END = k.size
  let q = id % k.ow;
  let p = (id / k.ow) % k.oh;
  let plane = id / (k.ow * k.oh) * k.h * k.w;
  var best = 0.0;
  var at = -1;
  for (var i = 0; i < k.kh; i++) {
    let row = p * k.sy - k.top + i * k.dy;
    if (row < 0 || row >= k.h) { continue; }
    for (var j = 0; j < k.kw; j++) {
      let column = q * k.sx - k.left + j * k.dx;
      if (column < 0 || column >= k.w) { continue; }
      let value = x[plane + row * k.w + column];
      if (at < 0 || isNan(value) || (value > best && !isNan(best))) {
        best = value;
        at = row * k.w + column;
      }
    }
  }
  index[id] = f32(at);
}
