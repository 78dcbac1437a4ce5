// Sum or maximum (MAXIMUM) over some axes, in parts: partial[o, part] from the elements r of output o's share.
//   INNER (the innermost axis is reduced): part takes r = part, part + parts, ...; invocations run along parts, y is [outputs, parts]
//   otherwise: part takes r = part * chunk, ..., (part + 1) * chunk - 1; invocations run along outputs, y is [parts, outputs]
// x is dense; output index and r are decoded by (size, stride) tables of kept and of reduced axes, at most four each, outermost
// first. With one part y is the result; else a second launch reduces the parts. The order is fixed: results repeat exactly.
// Sixteen terms are added in a row, and such sums in two numbers, so that the error does not grow with the length.
// Tested by test/core/ops.devices.test.ts.
struct Params {
  keptSizes: vec4u,
  keptStrides: vec4u,
  reducedSizes: vec4u,
  reducedStrides: vec4u,
  outputs: u32,
  count: u32,
  parts: u32,
  chunk: u32,
  zero: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

override MAXIMUM: bool = false;
override INNER: bool = false;
// Reduced axes in use.
override AXES: u32 = 4;

// Terms that are added in a row.
const BLOCK = 16u;

//#include "shared/long-sum.wgsl" with ZERO = p.zero

fn offset(index: u32, sizes: vec4u, strides: vec4u, axes: u32) -> u32 {
  var rest = index;
  var at = 0u;
  for (var k = 0u; k + 1u < axes; k++) {
    let axis = 3u - k;
    at += rest % sizes[axis] * strides[axis];
    rest /= sizes[axis];
  }
  if (axes > 0u) { at += rest * strides[4u - axes]; }
  return at;
}

fn element(r: u32) -> u32 {
  return offset(r, p.reducedSizes, p.reducedStrides, AXES);
}

//#include "shared/invocation.wgsl" with ENTRY = main, ID = i, END = p.outputs * p.parts
  var output: u32;
  var first: u32;
  var end: u32;
  var step: u32;
  if (INNER) {
    output = i / p.parts;
    first = i % p.parts;
    end = p.count;
    step = p.parts;
  } else {
    output = i % p.outputs;
    first = i / p.outputs * p.chunk;
    end = min(first + p.chunk, p.count);
    step = 1u;
  }
  let base = offset(output, p.keptSizes, p.keptStrides, 4u);
  // The position moves along the innermost reduced axis by addition; only at its end is it found by division.
  let size = p.reducedSizes.w;
  let advance = step * p.reducedStrides.w;
  var along = first % size;
  var at = base + element(first);
  if (MAXIMUM) {
    var result = x[at];
    // The largest magnitude by its bits, above infinity where there is a NaN: WGSL lets max lose it.
    var largest = 0u;
    for (var r = first; r < end;) {
      let value = x[at];
      result = max(result, value);
      largest = max(largest, bitcast<u32>(value) & 0x7fffffffu);
      r += step;
      //#include "shared/reduce-advance.wgsl"
    }
    y[i] = select(result, bitcast<f32>(largest), largest > 0x7f800000u);
    return;
  }
  var sum = LongSum();
  for (var r = first; r < end;) {
    let stop = min(r + BLOCK * step, end);
    var block = 0.0;
    while (r < stop) {
      block += x[at];
      r += step;
      //#include "shared/reduce-advance.wgsl"
    }
    sum = extend(sum, block);
  }
  y[i] = valueOf(sum);
}
