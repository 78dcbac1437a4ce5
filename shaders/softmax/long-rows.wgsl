// The operations of rows.wgsl with one workgroup of 64 a row, for long rows on a GPU: lanes stride along the row, then a
// tree in workgroup memory. Tested by test/backends/webgpu/kernels.webgpu.test.ts.
struct Rows { rows: u32, k: u32, zero: u32 }

@group(0) @binding(0) var<uniform> size: Rows;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

var<workgroup> scratch: array<f32, 64>;

//#include "shared/special.wgsl" with TYPE = f32, WORD = u32, BOOL = bool

//#include "shared/pending-sum.wgsl" with ZERO = size.zero

fn largerOf(u: f32, v: f32) -> f32 {
  return select(max(u, v), nanOf(u), isNan(u) || isNan(v));
}

//#include "shared/workgroup-fold.wgsl" with NAME = folded, STEP = scratch[lane] += scratch[lane + half]
//#include "shared/workgroup-fold.wgsl" with NAME = largest, STEP = scratch[lane] = largerOf(scratch[lane], scratch[lane + half])

// NaN where the row has one. A row whose maximum is not finite is NaN: infinity less itself is no number.
fn rowMaximum(lane: u32, start: u32) -> f32 {
  var best = x[start];
  var magnitude = 0u;
  for (var i = lane; i < size.k; i += 64u) {
    best = max(best, x[start + i]);
    magnitude = max(magnitude, bitcast<u32>(x[start + i]) & 0x7fffffffu);
  }
  return largest(lane, select(best, bitcast<f32>(magnitude), magnitude > 0x7f800000u));
}

//#include "shared/row-of-workgroup.wgsl" with ENTRY = softmax
  let best = rowMaximum(lane, start);
  var sum = Sum();
  for (var i = lane; i < size.k; i += 64u) { sum = plus(sum, exp(x[start + i] - best)); }
  let all = folded(lane, total(sum));
  for (var i = lane; i < size.k; i += 64u) { y[start + i] = select(nanOf(best), exp(x[start + i] - best) / all, isFinite(best)); }
}

//#include "shared/row-of-workgroup.wgsl" with ENTRY = logSoftmax
  let best = rowMaximum(lane, start);
  var sum = Sum();
  for (var i = lane; i < size.k; i += 64u) { sum = plus(sum, exp(x[start + i] - best)); }
  let shift = log(folded(lane, total(sum)));
  for (var i = lane; i < size.k; i += 64u) { y[start + i] = select(nanOf(best), (x[start + i] - best) - shift, isFinite(best)); }
}

@group(0) @binding(1) var<storage, read> output: array<f32>;
@group(0) @binding(2) var<storage, read> g: array<f32>;
@group(0) @binding(3) var<storage, read_write> gx: array<f32>;

//#include "shared/row-of-workgroup.wgsl" with ENTRY = softmaxGradient
  var sum = Sum();
  for (var i = lane; i < size.k; i += 64u) { sum = plus(sum, g[start + i] * output[start + i]); }
  let all = folded(lane, total(sum));
  for (var i = lane; i < size.k; i += 64u) { gx[start + i] = output[start + i] * (g[start + i] - all); }
}

//#include "shared/row-of-workgroup.wgsl" with ENTRY = logSoftmaxGradient
  var sum = Sum();
  for (var i = lane; i < size.k; i += 64u) { sum = plus(sum, g[start + i]); }
  let all = folded(lane, total(sum));
  for (var i = lane; i < size.k; i += 64u) { gx[start + i] = select(g[start + i] - exp(output[start + i]) * all, nanOf(output[start + i]), isNan(output[start + i])); }
}

// Cross-entropy, as in cross-entropy.wgsl.
@group(0) @binding(2) var<storage, read> labels: array<f32>;
@group(0) @binding(3) var<storage, read_write> loss: array<f32>;
@group(0) @binding(4) var<storage, read_write> normaliser: array<f32>;

//#include "shared/row-of-workgroup.wgsl" with ENTRY = crossEntropy
  let best = rowMaximum(lane, start);
  var sum = Sum();
  for (var i = lane; i < size.k; i += 64u) { sum = plus(sum, exp(x[start + i] - best)); }
  let shift = log(folded(lane, total(sum)));
  if (lane == 0u) {
    let label = u32(labels[row]);
    let known = !isNan(labels[row]) && labels[row] >= 0.0 && label < size.k && f32(label) == labels[row];
    loss[row] = select(nanOf(best), shift - (x[start + min(label, size.k - 1u)] - best), isFinite(best) && known);
    normaliser[row] = select(nanOf(best), best, isFinite(best));
    normaliser[size.rows + row] = shift;
  }
}
