// The operations of softmax.wgsl with one workgroup of 64 a row, for long rows on a GPU: lanes stride along the row, then a
// tree in workgroup memory. Tested by test/backends/webgpu/kernels.webgpu.test.ts.
struct Rows { rows: u32, k: u32 }

@group(0) @binding(0) var<uniform> size: Rows;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

var<workgroup> scratch: array<f32, 64>;

fn total(lane: u32, value: f32) -> f32 {
  workgroupBarrier();
  scratch[lane] = value;
  for (var half = 32u; half > 0u; half >>= 1u) {
    workgroupBarrier();
    if (lane < half) { scratch[lane] += scratch[lane + half]; }
  }
  workgroupBarrier();
  return scratch[0];
}

fn largest(lane: u32, value: f32) -> f32 {
  workgroupBarrier();
  scratch[lane] = value;
  for (var half = 32u; half > 0u; half >>= 1u) {
    workgroupBarrier();
    if (lane < half) { scratch[lane] = max(scratch[lane], scratch[lane + half]); }
  }
  workgroupBarrier();
  return scratch[0];
}

fn rowMaximum(lane: u32, start: u32) -> f32 {
  var best = x[start];
  for (var i = lane; i < size.k; i += 64u) { best = max(best, x[start + i]); }
  return largest(lane, best);
}

@compute @workgroup_size(64)
fn softmax(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = group.y * groups.x + group.x;
  if (row >= size.rows) { return; }
  let start = row * size.k;
  let best = rowMaximum(lane, start);
  var sum = 0.0;
  for (var i = lane; i < size.k; i += 64u) { sum += exp(x[start + i] - best); }
  let all = total(lane, sum);
  for (var i = lane; i < size.k; i += 64u) { y[start + i] = exp(x[start + i] - best) / all; }
}

@compute @workgroup_size(64)
fn logSoftmax(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = group.y * groups.x + group.x;
  if (row >= size.rows) { return; }
  let start = row * size.k;
  let best = rowMaximum(lane, start);
  var sum = 0.0;
  for (var i = lane; i < size.k; i += 64u) { sum += exp(x[start + i] - best); }
  let shift = log(total(lane, sum));
  for (var i = lane; i < size.k; i += 64u) { y[start + i] = (x[start + i] - best) - shift; }
}

@group(0) @binding(1) var<storage, read> output: array<f32>;
@group(0) @binding(2) var<storage, read> g: array<f32>;
@group(0) @binding(3) var<storage, read_write> gx: array<f32>;

@compute @workgroup_size(64)
fn softmaxGradient(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = group.y * groups.x + group.x;
  if (row >= size.rows) { return; }
  let start = row * size.k;
  var sum = 0.0;
  for (var i = lane; i < size.k; i += 64u) { sum += g[start + i] * output[start + i]; }
  let all = total(lane, sum);
  for (var i = lane; i < size.k; i += 64u) { gx[start + i] = output[start + i] * (g[start + i] - all); }
}

@compute @workgroup_size(64)
fn logSoftmaxGradient(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = group.y * groups.x + group.x;
  if (row >= size.rows) { return; }
  let start = row * size.k;
  var sum = 0.0;
  for (var i = lane; i < size.k; i += 64u) { sum += g[start + i]; }
  let all = total(lane, sum);
  for (var i = lane; i < size.k; i += 64u) { gx[start + i] = g[start + i] - exp(output[start + i]) * all; }
}

// Cross-entropy, as in cross_entropy.wgsl.
@group(0) @binding(2) var<storage, read> labels: array<f32>;
@group(0) @binding(3) var<storage, read_write> loss: array<f32>;
@group(0) @binding(4) var<storage, read_write> normaliser: array<f32>;

@compute @workgroup_size(64)
fn crossEntropy(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = group.y * groups.x + group.x;
  if (row >= size.rows) { return; }
  let start = row * size.k;
  let best = rowMaximum(lane, start);
  var sum = 0.0;
  for (var i = lane; i < size.k; i += 64u) { sum += exp(x[start + i] - best); }
  let shift = log(total(lane, sum));
  if (lane == 0u) {
    let label = u32(labels[row]);
    let known = labels[row] >= 0.0 && label < size.k && f32(label) == labels[row];
    loss[row] = select(0.0, shift - (x[start + min(label, size.k - 1u)] - best), known);
    normaliser[row] = best;
    normaliser[size.rows + row] = shift;
  }
}
