// sums[m] = laneSums[m, 0] + laneSums[m, 1] + ... in order, laneSums [m, lanes]: the same result at every run.
// One invocation a sum. Tested by test/core/conv.devices.test.ts.
struct Size { sums: u32, lanes: u32 }

@group(0) @binding(0) var<uniform> size: Size;
@group(0) @binding(1) var<storage, read> laneSums: array<f32>;
@group(0) @binding(2) var<storage, read_write> sums: array<f32>;

//#include "shared/invocation.wgsl" with ENTRY = main, ID = id, END = size.sums
  let start = id * size.lanes;
  var even = 0.0;
  var odd = 0.0;
  var i = 0u;
  for (; i + 1u < size.lanes; i += 2u) {
    even += laneSums[start + i];
    odd += laneSums[start + i + 1u];
  }
  if (i < size.lanes) { even += laneSums[start + i]; }
  sums[id] = even + odd;
}
