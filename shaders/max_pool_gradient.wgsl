// gx[y, x] = sum of g[p, q] over the windows whose first maximum is pixel (y, x): a gather, since WGSL has no float atomics.
// g, index [planes, oh, ow] -> gx [planes, h, w]; index holds y w + x. Each lane takes four rows of one column and visits the
// windows that may hold a pixel: those from floor((y + top) / sy) downwards, `reachY` of them, likewise along x.
// Tested by test/shared/fused.test.ts.
struct Geometry {
  h: i32, w: i32, oh: i32, ow: i32,
  sy: i32, sx: i32, top: i32, left: i32,
  reachY: i32, reachX: i32, blocks: i32, size: i32,
}

@group(0) @binding(0) var<uniform> k: Geometry;
@group(0) @binding(1) var<storage, read> g: array<f32>;
@group(0) @binding(2) var<storage, read> index: array<f32>;
@group(0) @binding(3) var<storage, read_write> gx: array<f32>;

fn store(sum: vec4f, plane: i32, y: i32, x: i32) {
  let to = (plane * k.h + y) * k.w + x;
  gx[to] = sum.x;
  if (y + 1 < k.h) { gx[to + k.w] = sum.y; }
  if (y + 2 < k.h) { gx[to + 2 * k.w] = sum.z; }
  if (y + 3 < k.h) { gx[to + 3 * k.w] = sum.w; }
}

// Stride 1 and three rows a window: six rows of windows serve four rows of pixels.
@compute @workgroup_size(64)
fn dense3(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let id = i32((group.y * groups.x + group.x) * 64u + lane);
  if (id >= k.size) { return; }
  let x = id % k.w;
  let y = (id / k.w) % k.blocks * 4;
  let plane = id / (k.w * k.blocks);
  let base = plane * k.oh * k.ow;
  let low = vec4i(y + k.top - 2) + vec4i(0, 1, 2, 3);
  let high = low.zw + 2;
  let lowValid = (low >= vec4i(0)) & (low < vec4i(k.oh));
  let highValid = (high >= vec2i(0)) & (high < vec2i(k.oh));
  let lowRow = clamp(low, vec4i(0), vec4i(k.oh - 1)) * k.ow;
  let highRow = clamp(high, vec2i(0), vec2i(k.oh - 1)) * k.ow;
  let here = vec4f((y + vec4i(0, 1, 2, 3)) * k.w + x);
  var sum = vec4f();
  for (var j = 0; j < 3; j++) {
    let q = x + k.left - j;
    let inside = q >= 0 && q < k.ow;
    let c = base + clamp(q, 0, k.ow - 1);
    let v = vec4f(g[c + lowRow.x], g[c + lowRow.y], g[c + lowRow.z], g[c + lowRow.w]);
    let u = vec2f(g[c + highRow.x], g[c + highRow.y]);
    let at = select(vec4f(-1), vec4f(index[c + lowRow.x], index[c + lowRow.y], index[c + lowRow.z], index[c + lowRow.w]), lowValid & vec4<bool>(inside));
    let atHigh = select(vec2f(-1), vec2f(index[c + highRow.x], index[c + highRow.y]), highValid & vec2<bool>(inside));
    sum += select(vec4f(), v, at == here);
    sum += select(vec4f(), vec4f(v.yzw, u.x), vec4f(at.yzw, atHigh.x) == here);
    sum += select(vec4f(), vec4f(v.zw, u), vec4f(at.zw, atHigh) == here);
  }
  store(sum, plane, y, x);
}

@compute @workgroup_size(64)
fn general(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let id = i32((group.y * groups.x + group.x) * 64u + lane);
  if (id >= k.size) { return; }
  let x = id % k.w;
  let y = (id / k.w) % k.blocks * 4;
  let plane = id / (k.w * k.blocks);
  let base = plane * k.oh * k.ow;
  let here = vec4f((y + vec4i(0, 1, 2, 3)) * k.w + x);
  let lastP = (y + vec4i(0, 1, 2, 3) + k.top) / k.sy;
  let lastQ = (x + k.left) / k.sx;
  var sum = vec4f();
  for (var i = 0; i < k.reachY; i++) {
    let p = lastP - i;
    let valid = (p >= vec4i(0)) & (p < vec4i(k.oh));
    let start = clamp(p, vec4i(0), vec4i(k.oh - 1)) * k.ow;
    for (var j = 0; j < k.reachX; j++) {
      let q = lastQ - j;
      let inside = q >= 0 && q < k.ow;
      let c = base + clamp(q, 0, k.ow - 1);
      let v = vec4f(g[c + start.x], g[c + start.y], g[c + start.z], g[c + start.w]);
      let at = vec4f(index[c + start.x], index[c + start.y], index[c + start.z], index[c + start.w]);
      sum += select(vec4f(), v, (at == here) & valid & vec4<bool>(inside));
    }
  }
  store(sum, plane, y, x);
}
