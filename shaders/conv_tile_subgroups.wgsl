// Convolution and its input gradient for every geometry, with weights loaded one a lane and spread by subgroup broadcasts.
//   written[n, a, y, x] = sum over b, i, j of source[n, b, y', x'] w(a, b, i, j), zeros outside the source
// Forward: the source is x, y' = y sy - top + i dy. Input gradient: the source is g, y' = (y + top - i dy) / sy where whole. Both
// are y = u ratioY + phase, y' = u strideY + (phase + originY + i stepY) / ratioY: the gradient of a strided convolution is a
// unit-stride one for each phase (y mod sy, x mod sx), and taps that miss a phase are skipped whole.
// A lane takes four values of u in one column, and CHANNELS written channels; lanes run over n, blocks of u and columns, so that
// small images fill them too. Workgroups: x lanes, y group and block of channels, z phase.
// Tested by test/core/conv.devices.test.ts.
enable subgroups;

struct Geometry {
  lanes: i32, blocks: i32, columns: i32, channelBlocks: i32,
  sourceChannels: i32, sourceHeight: i32, sourceWidth: i32, inputs: i32,
  channels: i32, height: i32, width: i32, outputs: i32,
  kh: i32, kw: i32, strideY: i32, strideX: i32,
  originY: i32, originX: i32, stepY: i32, stepX: i32,
  ratioY: i32, ratioX: i32,
  // Distances in w between groups, written channels, summed channels.
  weightGroup: i32, weightOut: i32, weightIn: i32,
}

@group(0) @binding(0) var<uniform> k: Geometry;
@group(0) @binding(1) var<storage, read> source: array<f32>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read_write> written: array<f32>;

// 1, 4, 8 or 16.
override CHANNELS: u32 = 8;
// Subgroups have eight lanes or more, so that one load brings the weights of eight channels.
override WIDE: bool = true;

fn spread(value: f32) -> vec4f {
  return vec4f(subgroupBroadcast(value, 0u), subgroupBroadcast(value, 1u), subgroupBroadcast(value, 2u), subgroupBroadcast(value, 3u));
}

fn spreadUpper(value: f32) -> vec4f {
  return vec4f(subgroupBroadcast(value, 4u), subgroupBroadcast(value, 5u), subgroupBroadcast(value, 6u), subgroupBroadcast(value, 7u));
}

fn store(value: vec4f, n: i32, group: i32, output: i32, y: i32, x: i32) {
  if (output >= k.outputs) { return; }
  let to = ((n * k.channels + group * k.outputs + output) * k.height + y) * k.width + x;
  let next = k.ratioY * k.width;
  written[to] = value.x;
  if (y + k.ratioY < k.height) { written[to + next] = value.y; }
  if (y + 2 * k.ratioY < k.height) { written[to + 2 * next] = value.z; }
  if (y + 3 * k.ratioY < k.height) { written[to + 3 * next] = value.w; }
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(local_invocation_index) local: u32,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  // Lanes beyond the last one repeat it and store nothing: broadcasts need all lanes of a subgroup.
  let id = i32(workgroup.x * 64u + local);
  let at = min(id, k.lanes - 1);
  let v = at % k.columns;
  let u = (at / k.columns) % k.blocks * 4;
  let n = at / (k.columns * k.blocks);
  let group = i32(workgroup.y) / k.channelBlocks;
  let first = i32(workgroup.y) % k.channelBlocks * i32(CHANNELS);
  let phaseY = i32(workgroup.z) / k.ratioX;
  let phaseX = i32(workgroup.z) % k.ratioX;

  var mine = first;
  if (CHANNELS > 1u) { mine += i32(select(lane & 3u, lane & 7u, WIDE)); }
  let near = k.weightGroup * group + min(mine, k.outputs - 1) * k.weightOut;
  let next4 = k.weightGroup * group + min(mine + 4, k.outputs - 1) * k.weightOut;
  let next8 = k.weightGroup * group + min(mine + 8, k.outputs - 1) * k.weightOut;
  let next12 = k.weightGroup * group + min(mine + 12, k.outputs - 1) * k.weightOut;

  let plane = k.sourceHeight * k.sourceWidth;
  let base = (n * k.sourceChannels + group * k.inputs) * plane;
  var a0 = vec4f(); var a1 = vec4f(); var a2 = vec4f(); var a3 = vec4f();
  var a4 = vec4f(); var a5 = vec4f(); var a6 = vec4f(); var a7 = vec4f();
  var a8 = vec4f(); var a9 = vec4f(); var a10 = vec4f(); var a11 = vec4f();
  var a12 = vec4f(); var a13 = vec4f(); var a14 = vec4f(); var a15 = vec4f();
  for (var i = 0; i < k.kh; i++) {
    let offsetY = phaseY + k.originY + i * k.stepY;
    if (offsetY % k.ratioY != 0) { continue; }
    let row = (u + vec4i(0, 1, 2, 3)) * k.strideY + offsetY / k.ratioY;
    let rowInside = (row >= vec4i(0)) & (row < vec4i(k.sourceHeight));
    let rowStart = base + clamp(row, vec4i(0), vec4i(k.sourceHeight - 1)) * k.sourceWidth;
    for (var j = 0; j < k.kw; j++) {
      let offsetX = phaseX + k.originX + j * k.stepX;
      if (offsetX % k.ratioX != 0) { continue; }
      let column = v * k.strideX + offsetX / k.ratioX;
      let inside = rowInside & vec4<bool>(column >= 0 && column < k.sourceWidth);
      var start = rowStart + clamp(column, 0, k.sourceWidth - 1);
      var tap = i * k.kw + j;
      for (var c = 0; c < k.inputs; c++) {
        let x = select(vec4f(), vec4f(source[start.x], source[start.y], source[start.z], source[start.w]), inside);
        let w = weight[near + tap];
        if (CHANNELS == 1u) {
          a0 = fma(x, vec4f(w), a0);
        } else {
          let w0 = spread(w);
          a0 = fma(x, vec4f(w0.x), a0);
          a1 = fma(x, vec4f(w0.y), a1);
          a2 = fma(x, vec4f(w0.z), a2);
          a3 = fma(x, vec4f(w0.w), a3);
        }
        if (CHANNELS > 4u) {
          var w4: vec4f;
          if (WIDE) { w4 = spreadUpper(w); } else { w4 = spread(weight[next4 + tap]); }
          a4 = fma(x, vec4f(w4.x), a4);
          a5 = fma(x, vec4f(w4.y), a5);
          a6 = fma(x, vec4f(w4.z), a6);
          a7 = fma(x, vec4f(w4.w), a7);
        }
        if (CHANNELS > 8u) {
          let far = weight[next8 + tap];
          let w8 = spread(far);
          a8 = fma(x, vec4f(w8.x), a8);
          a9 = fma(x, vec4f(w8.y), a9);
          a10 = fma(x, vec4f(w8.z), a10);
          a11 = fma(x, vec4f(w8.w), a11);
          var w12: vec4f;
          if (WIDE) { w12 = spreadUpper(far); } else { w12 = spread(weight[next12 + tap]); }
          a12 = fma(x, vec4f(w12.x), a12);
          a13 = fma(x, vec4f(w12.y), a13);
          a14 = fma(x, vec4f(w12.z), a14);
          a15 = fma(x, vec4f(w12.w), a15);
        }
        start += vec4i(plane);
        tap += k.weightIn;
      }
    }
  }

  let y = u * k.ratioY + phaseY;
  let x = v * k.ratioX + phaseX;
  if (id >= k.lanes || y >= k.height || x >= k.width) { return; }
  store(a0, n, group, first, y, x);
  if (CHANNELS > 1u) {
    store(a1, n, group, first + 1, y, x);
    store(a2, n, group, first + 2, y, x);
    store(a3, n, group, first + 3, y, x);
  }
  if (CHANNELS > 4u) {
    store(a4, n, group, first + 4, y, x);
    store(a5, n, group, first + 5, y, x);
    store(a6, n, group, first + 6, y, x);
    store(a7, n, group, first + 7, y, x);
  }
  if (CHANNELS > 8u) {
    store(a8, n, group, first + 8, y, x);
    store(a9, n, group, first + 9, y, x);
    store(a10, n, group, first + 10, y, x);
    store(a11, n, group, first + 11, y, x);
    store(a12, n, group, first + 12, y, x);
    store(a13, n, group, first + 13, y, x);
    store(a14, n, group, first + 14, y, x);
    store(a15, n, group, first + 15, y, x);
  }
}
