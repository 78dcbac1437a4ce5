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
  //#include "shared/conv-tile-geometry.wgsl"
  // Distances in w between groups, written channels, summed channels.
  weightGroup: i32, weightOut: i32, weightIn: i32,
}

@group(0) @binding(0) var<uniform> k: Geometry;
@group(0) @binding(1) var<storage, read> source: array<f32>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read_write> written: array<f32>;

// 1, 4, 8 or 16.
override CHANNELS: u32 = 8;
// Summed channels that are added in a row; such sums are added to others. 0: all, for they are few.
override BLOCK: i32 = 0;
// Subgroups have eight lanes or more, so that one load brings the weights of eight channels.
override WIDE: bool = true;

//#include "shared/spread.wgsl"

//#include "shared/conv-tile-store.wgsl"

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(local_invocation_index) local: u32,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  // Lanes beyond the last one repeat it and store nothing: broadcasts need all lanes of a subgroup.
  let id = i32(workgroup.x * 64u + local);
  let at = min(id, k.lanes - 1);
  //#include "shared/conv-tile-place.wgsl" with LANE = at

  var mine = first;
  if (CHANNELS > 1u) { mine += i32(select(lane & 3u, lane & 7u, WIDE)); }
  let near = k.weightGroup * group + min(mine, k.outputs - 1) * k.weightOut;
  let next4 = k.weightGroup * group + min(mine + 4, k.outputs - 1) * k.weightOut;
  let next8 = k.weightGroup * group + min(mine + 8, k.outputs - 1) * k.weightOut;
  let next12 = k.weightGroup * group + min(mine + 12, k.outputs - 1) * k.weightOut;

  //#include "shared/conv-tile-phase.wgsl"
      for (var c = 0; c < k.inputs; c++) {
        //#include "shared/conv-tile-block.wgsl"
        let x = select(vec4f(), vec4f(source[start.x], source[start.y], source[start.z], source[start.w]), inside);
        let w = weight[near + tap];
        if (CHANNELS == 1u) {
          a0 = fma(x, vec4f(w), a0);
        } else {
          let w0 = spread(w);
          //#for c, o in x y z w {
          a${o} = fma(x, vec4f(w0.${c}), a${o});
          //#}
        }
        if (CHANNELS > 4u) {
          var w4: vec4f;
          if (WIDE) { w4 = spreadUpper(w); } else { w4 = spread(weight[next4 + tap]); }
          //#for c, o in x y z w {
          a${o + 4} = fma(x, vec4f(w4.${c}), a${o + 4});
          //#}
        }
        if (CHANNELS > 8u) {
          let far = weight[next8 + tap];
          let w8 = spread(far);
          //#for c, o in x y z w {
          a${o + 8} = fma(x, vec4f(w8.${c}), a${o + 8});
          //#}
          var w12: vec4f;
          if (WIDE) { w12 = spreadUpper(far); } else { w12 = spread(weight[next12 + tap]); }
          //#for c, o in x y z w {
          a${o + 12} = fma(x, vec4f(w12.${c}), a${o + 12});
          //#}
        }
        start += vec4i(plane);
        tap += k.weightIn;
      }
    }
  }

  //#include "shared/conv-tile-unblock.wgsl"
  let y = u * k.ratioY + phaseY;
  let x = v * k.ratioX + phaseX;
  if (id >= k.lanes || y >= k.height || x >= k.width) { return; }
  //#include "shared/conv-tile-store-all.wgsl"
