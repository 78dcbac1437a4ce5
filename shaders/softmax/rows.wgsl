// Softmax over rows of k values: x [rows, k].
//   softmax           y = e^(x - max) / sum e^(x - max)          gx = y (g - sum g y)
//   logSoftmax        y = x - max - log sum e^(x - max)          gx = g - e^y sum g
// One invocation a row: loads of neighbouring lanes are k apart, which suits short rows and processors; long rows on a GPU are
// long-rows.wgsl's. Tested by test/core/fused.devices.test.ts.
struct Rows { rows: u32, k: u32, zero: u32 }

@group(0) @binding(0) var<uniform> size: Rows;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

//#include "shared/special.wgsl" with TYPE = f32, WORD = u32, BOOL = bool

//#include "shared/pending-sum.wgsl" with ZERO = size.zero

// A row's maximum, NaN where there is one. A row whose maximum is not finite is NaN: infinity less itself is no number.
fn largest(start: u32) -> f32 {
  var best = x[start];
  var magnitude = 0u;
  for (var i = 0u; i < size.k; i++) {
    best = max(best, x[start + i]);
    magnitude = max(magnitude, bitcast<u32>(x[start + i]) & 0x7fffffffu);
  }
  return select(best, bitcast<f32>(magnitude), magnitude > 0x7f800000u);
}

//#include "shared/invocation.wgsl" with ENTRY = softmax, ID = row, END = size.rows
  let start = row * size.k;
  let best = largest(start);
  var sum = Sum();
  for (var i = start; i < start + size.k; i++) {
    let e = exp(x[i] - best);
    y[i] = e;
    sum = plus(sum, e);
  }
  let known = isFinite(best);
  let all = total(sum);
  for (var i = start; i < start + size.k; i++) { y[i] = select(nanOf(best), y[i] / all, known); }
}

//#include "shared/invocation.wgsl" with ENTRY = logSoftmax, ID = row, END = size.rows
  let start = row * size.k;
  let best = largest(start);
  var sum = Sum();
  for (var i = start; i < start + size.k; i++) { sum = plus(sum, exp(x[i] - best)); }
  let shift = log(total(sum));
  let known = isFinite(best);
  for (var i = start; i < start + size.k; i++) { y[i] = select(nanOf(best), (x[i] - best) - shift, known); }
}

@group(0) @binding(1) var<storage, read> output: array<f32>;
@group(0) @binding(2) var<storage, read> g: array<f32>;
@group(0) @binding(3) var<storage, read_write> gx: array<f32>;

//#include "shared/invocation.wgsl" with ENTRY = softmaxGradient, ID = row, END = size.rows
  let start = row * size.k;
  var sum = Sum();
  for (var i = start; i < start + size.k; i++) { sum = plus(sum, g[i] * output[i]); }
  let all = total(sum);
  for (var i = start; i < start + size.k; i++) { gx[i] = output[i] * (g[i] - all); }
}

//#include "shared/invocation.wgsl" with ENTRY = logSoftmaxGradient, ID = row, END = size.rows
  let start = row * size.k;
  var sum = Sum();
  for (var i = start; i < start + size.k; i++) { sum = plus(sum, g[i]); }
  let all = total(sum);
  for (var i = start; i < start + size.k; i++) { gx[i] = select(g[i] - exp(output[i]) * all, nanOf(output[i]), isNan(output[i])); }
}
