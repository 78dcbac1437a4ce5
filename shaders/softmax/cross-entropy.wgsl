// Cross-entropy of each row: loss = log sum e^(x - max) - (x[label] - max), logits x [rows, k], labels [rows] as floats.
// `forward` also keeps normaliser [2, rows] (max and log sum e^(x - max)), from which `gradient` writes
//   gx = (e^(x - max - log sum) - [i = label]) g[row].
// A label that is no class makes its row NaN, in the loss and in the gradient, as in the composite.
// `forward` and `gradient` take one invocation a row (long rows on a GPU: long-rows.wgsl), `longGradient` one workgroup a row.
// Tested by test/core/fused.devices.test.ts.
struct Rows { rows: u32, k: u32 }

@group(0) @binding(0) var<uniform> size: Rows;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> labels: array<f32>;
@group(0) @binding(3) var<storage, read_write> loss: array<f32>;
@group(0) @binding(4) var<storage, read_write> normaliser: array<f32>;

override LANES: u32 = 64;

//#include "shared/special.wgsl" with TYPE = f32, WORD = u32, BOOL = bool

fn isClass(label: f32) -> bool {
  return !isNan(label) && label >= 0.0 && label < f32(size.k) && floor(label) == label;
}

// A row's maximum and sum e^(x - max) in one pass: what has been summed is scaled anew where eight more elements have a larger maximum.
// The maximum starts at the least finite number, so that a row may begin with minus infinity.
@compute @workgroup_size(LANES)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = (group.y * groups.x + group.x) * LANES + lane;
  if (row >= size.rows) { return; }
  let start = row * size.k;
  let end = start + size.k;
  var best = max(x[start], -3.4028234e38);
  var sum = 0.0;
  var magnitude = 0u;
  var i = start;
  for (; i + 8u <= end; i += 8u) {
    let u = vec4f(x[i], x[i + 1u], x[i + 2u], x[i + 3u]);
    let v = vec4f(x[i + 4u], x[i + 5u], x[i + 6u], x[i + 7u]);
    let w = max(u, v);
    let bits = max(bitcast<vec4u>(u) & vec4u(0x7fffffffu), bitcast<vec4u>(v) & vec4u(0x7fffffffu));
    magnitude = max(magnitude, max(max(bits.x, bits.y), max(bits.z, bits.w)));
    let top = max(best, max(max(w.x, w.y), max(w.z, w.w)));
    let e = exp(u - top) + exp(v - top);
    sum = sum * exp(best - top) + ((e.x + e.y) + (e.z + e.w));
    best = top;
  }
  for (; i < end; i++) {
    let top = max(best, x[i]);
    magnitude = max(magnitude, bitcast<u32>(x[i]) & 0x7fffffffu);
    sum = sum * exp(best - top) + exp(x[i] - top);
    best = top;
  }
  let shift = log(sum);
  let label = labels[row];
  let at = select(0u, u32(max(label, 0.0)), isClass(label));
  // A row with a NaN or plus infinity, or of minus infinity alone, is NaN.
  let known = magnitude <= 0x7f800000u && isFinite(best) && sum > 0.0;
  loss[row] = select(nanOf(best), shift - (x[start + at] - best), known && isClass(label));
  normaliser[row] = select(nanOf(best), best, known);
  normaliser[size.rows + row] = shift;
}

@group(0) @binding(3) var<storage, read> normalised: array<f32>;
@group(0) @binding(4) var<storage, read> g: array<f32>;
@group(0) @binding(5) var<storage, read_write> gx: array<f32>;

// Elements first, first + step, ... of a row.
fn rowGradient(row: u32, first: u32, step: u32) {
  let label = labels[row];
  let factor = g[row];
  let best = normalised[row];
  let shift = normalised[size.rows + row];
  let lost = isNan(best) || !isClass(label);
  let start = row * size.k;
  for (var i = first; i < size.k; i += step) {
    let p = exp(x[start + i] - best - shift);
    gx[start + i] = select((p - select(0.0, 1.0, f32(i) == label)) * factor, nanOf(best), lost);
  }
}

@compute @workgroup_size(LANES)
fn gradient(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = (group.y * groups.x + group.x) * LANES + lane;
  if (row < size.rows) { rowGradient(row, 0u, 1u); }
}

@compute @workgroup_size(LANES)
fn longGradient(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = group.y * groups.x + group.x;
  if (row < size.rows) { rowGradient(row, lane, LANES); }
}
