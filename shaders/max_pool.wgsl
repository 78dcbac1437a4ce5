// Maximum of each window and the flat index (y w + x) of its first maximum; padding is never chosen.
//   y[p, q] = max over i, j of x[p sy - top + i dy, q sx - left + j dx], plane by plane, x [planes, h, w]
// Each lane takes four output rows of one column. `dense3` is the 3x3 window of stride and dilation 1, whose rows share
// loads; `general` is every other geometry. Order of visits does not matter: of equal values the smaller index wins.
// Tested by test/shared/fused.test.ts.
struct Geometry {
  h: i32, w: i32, oh: i32, ow: i32,
  kh: i32, kw: i32, sy: i32, sx: i32,
  top: i32, left: i32, dy: i32, dx: i32,
  blocks: i32, size: i32,
}

@group(0) @binding(0) var<uniform> k: Geometry;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<storage, read_write> index: array<f32>;

const LOWEST = -3.402823466e38;

struct Best { value: vec4f, at: vec4i }

fn better(best: Best, value: vec4f, at: vec4i, valid: vec4<bool>) -> Best {
  // An index of -1 is a window that has seen no pixel: anything in the image beats it, -infinity too.
  let wins = valid & ((best.at < vec4i(0)) | (value > best.value) | ((value == best.value) & (at < best.at)));
  return Best(select(best.value, value, wins), select(best.at, at, wins));
}

fn store(best: Best, plane: i32, p: i32, q: i32) {
  let to = (plane * k.oh + p) * k.ow + q;
  y[to] = best.value.x;
  index[to] = f32(best.at.x);
  if (p + 1 < k.oh) { y[to + k.ow] = best.value.y; index[to + k.ow] = f32(best.at.y); }
  if (p + 2 < k.oh) { y[to + 2 * k.ow] = best.value.z; index[to + 2 * k.ow] = f32(best.at.z); }
  if (p + 3 < k.oh) { y[to + 3 * k.ow] = best.value.w; index[to + 3 * k.ow] = f32(best.at.w); }
}

@compute @workgroup_size(64)
fn dense3(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let id = i32((group.y * groups.x + group.x) * 64u + lane);
  if (id >= k.size) { return; }
  let q = id % k.ow;
  let p = (id / k.ow) % k.blocks * 4;
  let plane = id / (k.ow * k.blocks);
  let base = plane * k.h * k.w;
  let low = vec4i(p - k.top) + vec4i(0, 1, 2, 3);
  let high = low.zw + 2;
  let lowValid = (low >= vec4i(0)) & (low < vec4i(k.h));
  let highValid = (high >= vec2i(0)) & (high < vec2i(k.h));
  let lowRow = clamp(low, vec4i(0), vec4i(k.h - 1)) * k.w;
  let highRow = clamp(high, vec2i(0), vec2i(k.h - 1)) * k.w;
  var best = Best(vec4f(LOWEST), vec4i(-1));
  for (var j = 0; j < 3; j++) {
    let column = q - k.left + j;
    let inside = column >= 0 && column < k.w;
    let c = base + clamp(column, 0, k.w - 1);
    let v = vec4f(x[c + lowRow.x], x[c + lowRow.y], x[c + lowRow.z], x[c + lowRow.w]);
    let u = vec2f(x[c + highRow.x], x[c + highRow.y]);
    let at = lowRow + column;
    let atHigh = highRow + column;
    let ok = lowValid & vec4<bool>(inside);
    let okHigh = highValid & vec2<bool>(inside);
    best = better(best, v, at, ok);
    best = better(best, vec4f(v.yzw, u.x), vec4i(at.yzw, atHigh.x), vec4<bool>(ok.yzw, okHigh.x));
    best = better(best, vec4f(v.zw, u), vec4i(at.zw, atHigh), vec4<bool>(ok.zw, okHigh));
  }
  store(best, plane, p, q);
}

@compute @workgroup_size(64)
fn general(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let id = i32((group.y * groups.x + group.x) * 64u + lane);
  if (id >= k.size) { return; }
  let q = id % k.ow;
  let p = (id / k.ow) % k.blocks * 4;
  let plane = id / (k.ow * k.blocks);
  let base = plane * k.h * k.w;
  var best = Best(vec4f(LOWEST), vec4i(-1));
  for (var i = 0; i < k.kh; i++) {
    let row = (p + vec4i(0, 1, 2, 3)) * k.sy - k.top + i * k.dy;
    let valid = (row >= vec4i(0)) & (row < vec4i(k.h));
    let start = clamp(row, vec4i(0), vec4i(k.h - 1)) * k.w;
    for (var j = 0; j < k.kw; j++) {
      let column = q * k.sx - k.left + j * k.dx;
      let inside = column >= 0 && column < k.w;
      let c = base + clamp(column, 0, k.w - 1);
      let v = vec4f(x[c + start.x], x[c + start.y], x[c + start.z], x[c + start.w]);
      best = better(best, v, start + column, valid & vec4<bool>(inside));
    }
  }
  store(best, plane, p, q);
}
