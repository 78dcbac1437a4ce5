// Cross-entropy of each row: loss = log sum e^(x - max) - (x[label] - max), logits x [rows, k], labels [rows] as floats.
// `forward` also keeps normaliser [2, rows] (max and log sum e^(x - max)), from which `gradient` writes
//   gx = (e^(x - max - log sum) - [i = label]) g[row].
// A label that is no class has a one-hot row of zeros, as in the composite: loss 0 and no gradient.
// `forward` takes one invocation a row (long rows on a GPU: softmax_rows.wgsl), `gradient` four elements an invocation.
// Tested by test/shared/fused.test.ts.
struct Rows { rows: u32, k: u32 }

@group(0) @binding(0) var<uniform> size: Rows;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> labels: array<f32>;
@group(0) @binding(3) var<storage, read_write> loss: array<f32>;
@group(0) @binding(4) var<storage, read_write> normaliser: array<f32>;

fn isClass(label: f32) -> bool {
  return label >= 0.0 && label < f32(size.k) && floor(label) == label;
}

@compute @workgroup_size(64)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = (group.y * groups.x + group.x) * 64u + lane;
  if (row >= size.rows) { return; }
  let start = row * size.k;
  var best = x[start];
  for (var i = 1u; i < size.k; i++) { best = max(best, x[start + i]); }
  var sum = 0.0;
  for (var i = start; i < start + size.k; i++) { sum += exp(x[i] - best); }
  let shift = log(sum);
  let label = labels[row];
  let at = select(0u, u32(max(label, 0.0)), isClass(label));
  loss[row] = select(0.0, shift - (x[start + at] - best), isClass(label));
  normaliser[row] = best;
  normaliser[size.rows + row] = shift;
}

@group(0) @binding(3) var<storage, read> normalised: array<f32>;
@group(0) @binding(4) var<storage, read> g: array<f32>;
@group(0) @binding(5) var<storage, read_write> gx: array<f32>;

@compute @workgroup_size(64)
fn gradient(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let first = (group.y * groups.x + group.x) * 1024u + lane;
  for (var i = first; i < min(first + 1024u, size.rows * size.k); i += 64u) {
    let row = i / size.k;
    let label = labels[row];
    let p = exp(x[i] - normalised[row] - normalised[size.rows + row]);
    let expected = select(0.0, 1.0, f32(i - row * size.k) == label);
    gx[i] = select(0.0, (p - expected) * g[row], isClass(label));
  }
}
