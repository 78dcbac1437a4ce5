// sums[m] = laneSums[m, 0] + laneSums[m, 1] + ... in order, laneSums [m, lanes]: the same result at every run.
// One invocation a sum. Tested by test/core/conv.devices.test.ts.
struct Size { sums: u32, lanes: u32, zero: u32 }

@group(0) @binding(0) var<uniform> size: Size;
@group(0) @binding(1) var<storage, read> laneSums: array<f32>;
@group(0) @binding(2) var<storage, read_write> sums: array<f32>;

//#include "shared/long-sum.wgsl" with ZERO = size.zero

//#include "shared/invocation.wgsl" with ENTRY = main, ID = id, END = size.sums
  let start = id * size.lanes;
  var sum = LongSum();
  for (var first = 0u; first < size.lanes; first += 16u) {
    var block = 0.0;
    for (var i = first; i < min(first + 16u, size.lanes); i++) { block += laneSums[start + i]; }
    sum = extend(sum, block);
  }
  sums[id] = valueOf(sum);
}
