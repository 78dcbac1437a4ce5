// Convolution and its input gradient for every geometry, without subgroups: weights are vec4s over four written channels, packed by
// conv/pack-weights.wgsl.
//   written[n, a, y, x] = sum over b, i, j of source[n, b, y', x'] w(a, b, i, j), zeros outside the source
// Forward: the source is x, y' = y sy - top + i dy. Input gradient: the source is g, y' = (y + top - i dy) / sy where whole. Both
// are y = u ratioY + phase, y' = u strideY + (phase + originY + i stepY) / ratioY: the gradient of a strided convolution is a
// unit-stride one for each phase (y mod sy, x mod sx), and taps that miss a phase are skipped whole.
// A lane takes four values of u in one column, and CHANNELS written channels; lanes run over n, blocks of u and columns, so that
// small images fill them too. Workgroups: x lanes, y group and block of channels, z phase.
// Tested by test/core/conv.devices.test.ts.
struct Geometry {
  //#include "shared/conv-tile-geometry.wgsl"
  // Distances in vec4s between groups and between blocks of four channels in the packed weights.
  weightGroup: i32, weightBlock: i32,
}

@group(0) @binding(0) var<uniform> k: Geometry;
@group(0) @binding(1) var<storage, read> source: array<f32>;
@group(0) @binding(2) var<storage, read> packed: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> written: array<f32>;

// 1, 4, 8 or 16.
override CHANNELS: u32 = 8;
// Summed channels that are added in a row; such sums are added to others. 0: all, for they are few.
override BLOCK: i32 = 0;

//#include "shared/conv-tile-store.wgsl"

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) local: u32) {
  let id = i32(workgroup.x * 64u + local);
  if (id >= k.lanes) { return; }
  //#include "shared/conv-tile-place.wgsl" with LANE = id

  let inputs = k.inputs;
  let area = k.kh * k.kw;
  let near = k.weightGroup * group + first / 4 * k.weightBlock;
  // Blocks beyond the last repeat it and are not stored.
  let lastBlock = k.weightGroup * group + (k.outputs - 1) / 4 * k.weightBlock;
  let next4 = min(near + k.weightBlock, lastBlock);
  let next8 = min(near + 2 * k.weightBlock, lastBlock);
  let next12 = min(near + 3 * k.weightBlock, lastBlock);

  //#include "shared/conv-tile-phase.wgsl"
      for (var c = 0; c < inputs; c++) {
        //#include "shared/conv-tile-block.wgsl"
        let x = select(vec4f(), vec4f(source[start.x], source[start.y], source[start.z], source[start.w]), inside);
        let w0 = packed[near + tap];
        a0 = fma(x, vec4f(w0.x), a0);
        if (CHANNELS > 1u) {
          //#for c, o in y z w {
          a${o + 1} = fma(x, vec4f(w0.${c}), a${o + 1});
          //#}
        }
        if (CHANNELS > 4u) {
          let w4 = packed[next4 + tap];
          //#for c, o in x y z w {
          a${o + 4} = fma(x, vec4f(w4.${c}), a${o + 4});
          //#}
        }
        if (CHANNELS > 8u) {
          let w8 = packed[next8 + tap];
          //#for c, o in x y z w {
          a${o + 8} = fma(x, vec4f(w8.${c}), a${o + 8});
          //#}
          let w12 = packed[next12 + tap];
          //#for c, o in x y z w {
          a${o + 12} = fma(x, vec4f(w12.${c}), a${o + 12});
          //#}
        }
        start += vec4i(plane);
        tap += area;
      }
    }
  }

  //#include "shared/conv-tile-unblock.wgsl"
  let y = u * k.ratioY + phaseY;
  let x = v * k.ratioX + phaseX;
  if (y >= k.height || x >= k.width) { return; }
  //#include "shared/conv-tile-store-all.wgsl"
