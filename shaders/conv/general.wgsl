// The three partials of T(x, w, g) = sum g * conv(x, w) for every stride, padding, dilation and number of groups.
//   conv2d        y[n, o, p, q]  = sum over c, i, j of x[n, c, p sy - top + i dy, q sx - left + j dx] w[o, c, i, j]
//   conv2dInput   gx[n, c, y, x] = sum over the (o, p, q, i, j) that read pixel (y, x)
//   conv2dFilter  gw[o, c, i, j] = sum over n, p, q of g[n, o, p, q] x[n, c, ...]
// x [n, c, h, w], w [o, c / groups, kh, kw], g [n, o, oh, ow]. One invocation an output element, loops in the order above.
// Tested by test/core/conv.devices.test.ts.
struct Geometry {
  n: i32, c: i32, h: i32, w: i32,
  o: i32, inputs: i32, kh: i32, kw: i32,
  oh: i32, ow: i32, sy: i32, sx: i32,
  top: i32, left: i32, dy: i32, dx: i32,
  groups: i32, size: i32, zero: u32,
}

@group(0) @binding(0) var<uniform> k: Geometry;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

//#include "shared/pending-sum.wgsl" with ZERO = k.zero

//#include "shared/signed-invocation.wgsl" with ENTRY = conv2d, ID = id, END = k.size
  let q = id % k.ow;
  let p = (id / k.ow) % k.oh;
  let o = (id / (k.ow * k.oh)) % k.o;
  let n = id / (k.ow * k.oh * k.o);
  let first = o / (k.o / k.groups) * k.inputs;
  var sum = Sum();
  for (var c = 0; c < k.inputs; c++) {
    for (var i = 0; i < k.kh; i++) {
      let y = p * k.sy - k.top + i * k.dy;
      if (y < 0 || y >= k.h) { continue; }
      for (var j = 0; j < k.kw; j++) {
        let x = q * k.sx - k.left + j * k.dx;
        if (x < 0 || x >= k.w) { continue; }
        sum = plus(sum, a[((n * k.c + first + c) * k.h + y) * k.w + x] * b[((o * k.inputs + c) * k.kh + i) * k.kw + j]);
      }
    }
  }
  out[id] = total(sum);
}

//#include "shared/signed-invocation.wgsl" with ENTRY = conv2dInput, ID = id, END = k.size
  let x = id % k.w;
  let y = (id / k.w) % k.h;
  let c = (id / (k.w * k.h)) % k.c;
  let n = id / (k.w * k.h * k.c);
  let perGroup = k.o / k.groups;
  let first = c / k.inputs * perGroup;
  var sum = Sum();
  for (var o = first; o < first + perGroup; o++) {
    for (var i = 0; i < k.kh; i++) {
      let fromY = y + k.top - i * k.dy;
      if (fromY < 0 || fromY % k.sy != 0 || fromY / k.sy >= k.oh) { continue; }
      for (var j = 0; j < k.kw; j++) {
        let fromX = x + k.left - j * k.dx;
        if (fromX < 0 || fromX % k.sx != 0 || fromX / k.sx >= k.ow) { continue; }
        sum = plus(sum, a[((n * k.o + o) * k.oh + fromY / k.sy) * k.ow + fromX / k.sx]
          * b[((o * k.inputs + c % k.inputs) * k.kh + i) * k.kw + j]);
      }
    }
  }
  out[id] = total(sum);
}

//#include "shared/signed-invocation.wgsl" with ENTRY = conv2dFilter, ID = id, END = k.size
  let j = id % k.kw;
  let i = (id / k.kw) % k.kh;
  let c = (id / (k.kw * k.kh)) % k.inputs;
  let o = id / (k.kw * k.kh * k.inputs);
  let channel = o / (k.o / k.groups) * k.inputs + c;
  var sum = Sum();
  for (var n = 0; n < k.n; n++) {
    for (var p = 0; p < k.oh; p++) {
      let y = p * k.sy - k.top + i * k.dy;
      if (y < 0 || y >= k.h) { continue; }
      for (var q = 0; q < k.ow; q++) {
        let x = q * k.sx - k.left + j * k.dx;
        if (x < 0 || x >= k.w) { continue; }
        sum = plus(sum, a[((n * k.c + channel) * k.h + y) * k.w + x] * b[((n * k.o + o) * k.oh + p) * k.ow + q]);
      }
    }
  }
  out[id] = total(sum);
}
