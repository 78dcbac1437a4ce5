// Pointwise convolution of stride 1 and its input gradient: channels are mixed pixel by pixel, so an image is a row of vec4s.
//   written[n, a, i] = sum over b of source[n, b, i] w(a, b)
// A lane takes one vec4 of pixels and CHANNELS written channels; lanes run over n and i, so that small images fill them too. Weights are
// loaded one a lane and spread by subgroup broadcasts; two summed channels at a time, so that a sum is touched half as often.
// Workgroups: x lanes, y group and block of channels. Planes are multiples of four pixels. Tested by test/core/conv.devices.test.ts.
enable subgroups;

struct Geometry {
  lanes: i32, quads: i32, channelBlocks: i32, inputs: i32,
  sourceChannels: i32, channels: i32, outputs: i32,
  // Distances in w between groups, written channels, summed channels.
  weightGroup: i32, weightOut: i32, weightIn: i32,
}

@group(0) @binding(0) var<uniform> k: Geometry;
@group(0) @binding(1) var<storage, read> source: array<vec4f>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read_write> written: array<vec4f>;

// 4, 8 or 16.
override CHANNELS: u32 = 8;
// Summed channels that are added in a row; such sums are added to others. 0: all, for they are few.
override BLOCK: i32 = 0;
// Subgroups have eight lanes or more, so that one load brings eight weights.
override WIDE: bool = true;

//#include "shared/spread.wgsl"

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(local_invocation_index) local: u32,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  // Lanes beyond the last one repeat it and store nothing: broadcasts need all lanes of a subgroup.
  let id = i32(workgroup.x * 64u + local);
  let at = min(id, k.lanes - 1);
  let i = at % k.quads;
  let n = at / k.quads;
  let group = i32(workgroup.y) / k.channelBlocks;
  let first = i32(workgroup.y) % k.channelBlocks * i32(CHANNELS);

  // Four written channels: eight lanes bring their weights for two summed channels at once.
  let both = WIDE && CHANNELS == 4u;
  let second = select(0, i32((lane >> 2u) & 1u), both);
  let mine = first + i32(select(lane & 3u, lane & 7u, WIDE && CHANNELS > 4u));
  let start = k.weightGroup * group;
  let near = start + min(mine, k.outputs - 1) * k.weightOut;
  let next4 = start + min(mine + 4, k.outputs - 1) * k.weightOut;
  let next8 = start + min(mine + 8, k.outputs - 1) * k.weightOut;
  let next12 = start + min(mine + 12, k.outputs - 1) * k.weightOut;

  let here = (n * k.sourceChannels + group * k.inputs) * k.quads + i;
  //#for o in 0..16 {
  var a${o} = vec4f();
  //#}
  //#for o in 0..16 {
  var t${o} = vec4f();
  //#}
  for (var c = 0; c < k.inputs; c += 2) {
    //#include "shared/conv-tile-block.wgsl"
    let more = c + 1 < k.inputs;
    let x0 = source[here + c * k.quads];
    // Past the last channel any weight will do: it meets zeros.
    let after = select(c, c + 1, more);
    let x1 = select(vec4f(), source[here + after * k.quads], more);
    let w0 = c * k.weightIn;
    let w1 = after * k.weightIn;
    let p0 = weight[near + select(w0, w1, second == 1)];
    var q0 = p0;
    if (!both) { q0 = weight[near + w1]; }
    {
      let p = spread(p0);
      var q: vec4f;
      if (both) { q = spreadUpper(p0); } else { q = spread(q0); }
      //#for c, o in x y z w {
      a${o} = fma(x1, vec4f(q.${c}), fma(x0, vec4f(p.${c}), a${o}));
      //#}
    }
    if (CHANNELS > 4u) {
      var p: vec4f;
      var q: vec4f;
      if (WIDE) {
        p = spreadUpper(p0);
        q = spreadUpper(q0);
      } else {
        p = spread(weight[next4 + w0]);
        q = spread(weight[next4 + w1]);
      }
      //#for c, o in x y z w {
      a${o + 4} = fma(x1, vec4f(q.${c}), fma(x0, vec4f(p.${c}), a${o + 4}));
      //#}
    }
    if (CHANNELS > 8u) {
      let p8 = weight[next8 + w0];
      let q8 = weight[next8 + w1];
      var p = spread(p8);
      var q = spread(q8);
      //#for c, o in x y z w {
      a${o + 8} = fma(x1, vec4f(q.${c}), fma(x0, vec4f(p.${c}), a${o + 8}));
      //#}
      if (WIDE) {
        p = spreadUpper(p8);
        q = spreadUpper(q8);
      } else {
        p = spread(weight[next12 + w0]);
        q = spread(weight[next12 + w1]);
      }
      //#for c, o in x y z w {
      a${o + 12} = fma(x1, vec4f(q.${c}), fma(x0, vec4f(p.${c}), a${o + 12}));
      //#}
    }
  }

  //#include "shared/conv-tile-unblock.wgsl"
  if (id >= k.lanes) { return; }
  let to = (n * k.channels + group * k.outputs + first) * k.quads + i;
  let last = k.outputs - first;
  written[to] = a0;
  //#for o in 1..4 {
  if (last > ${o}) { written[to + ${o} * k.quads] = a${o}; }
  //#}
  if (CHANNELS > 4u) {
    //#for o in 4..8 {
    if (last > ${o}) { written[to + ${o} * k.quads] = a${o}; }
    //#}
  }
  if (CHANNELS > 8u) {
    //#for o in 8..16 {
    if (last > ${o}) { written[to + ${o} * k.quads] = a${o}; }
    //#}
  }
}
