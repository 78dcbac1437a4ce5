// y[i] = a where c is not 0, else b; all three broadcast: at most eight axes, a stride an axis (0 where an operand repeats).
// y is dense over `sizes` (outermost first, ones in front).
// Invocations take every `chunks`-th element of a row, so that the divisions that find the row are shared by several elements
// and neighbours still touch neighbours.
// Tested by test/core/ops.devices.test.ts.
struct Params {
  sizes: array<vec4u, 2>,
  cStrides: array<vec4u, 2>,
  aStrides: array<vec4u, 2>,
  bStrides: array<vec4u, 2>,
  invocations: u32,
  chunks: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> c: array<f32>;
@group(0) @binding(2) var<storage, read> a: array<f32>;
@group(0) @binding(3) var<storage, read> b: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

// How many axes are in use, counted from the innermost.
override AXES: u32 = 8;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let id = (group.y * groups.x + group.x) * 64u + lane;
  if (id >= p.invocations) { return; }
  let inner = p.sizes[1][3];
  let row = id / p.chunks;
  var rest = row;
  var ic = 0u;
  var ia = 0u;
  var ib = 0u;
  for (var k = 1u; k < AXES; k++) {
    let axis = 7u - k;
    let size = p.sizes[axis / 4u][axis % 4u];
    let index = rest % size;
    rest /= size;
    ic += index * p.cStrides[axis / 4u][axis % 4u];
    ia += index * p.aStrides[axis / 4u][axis % 4u];
    ib += index * p.bStrides[axis / 4u][axis % 4u];
  }
  for (var i = id % p.chunks; i < inner; i += p.chunks) {
    if (c[ic + i * p.cStrides[1][3]] != 0.0) {
      y[row * inner + i] = a[ia + i * p.aStrides[1][3]];
    } else {
      y[row * inner + i] = b[ib + i * p.bStrides[1][3]];
    }
  }
}
