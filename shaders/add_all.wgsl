// y[i] = x0[i] + x1[i] + ..., COUNT terms (2 to 7) added from the left, four elements an invocation: one dispatch where a chain of
// additions would take several. x, y: [n], read as vec4; the last vec4 is written element by element, since a view may end inside it.
// Unused inputs are bound to a tensor in use and not read. Tested by test/core/ops.devices.test.ts.
struct Params { n: u32 }

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x0: array<vec4f>;
@group(0) @binding(2) var<storage, read> x1: array<vec4f>;
@group(0) @binding(3) var<storage, read> x2: array<vec4f>;
@group(0) @binding(4) var<storage, read> x3: array<vec4f>;
@group(0) @binding(5) var<storage, read> x4: array<vec4f>;
@group(0) @binding(6) var<storage, read> x5: array<vec4f>;
@group(0) @binding(7) var<storage, read> x6: array<vec4f>;
@group(0) @binding(8) var<storage, read_write> y: array<vec4f>;

override COUNT: u32 = 7;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * 64u + lane;
  let at = i * 4u;
  if (at >= p.n) { return; }
  var sum = x0[i] + x1[i];
  if (COUNT > 2u) { sum += x2[i]; }
  if (COUNT > 3u) { sum += x3[i]; }
  if (COUNT > 4u) { sum += x4[i]; }
  if (COUNT > 5u) { sum += x5[i]; }
  if (COUNT > 6u) { sum += x6[i]; }
  if (at + 4u <= p.n) {
    y[i] = sum;
    return;
  }
  y[i].x = sum.x;
  if (at + 1u < p.n) { y[i].y = sum.y; }
  if (at + 2u < p.n) { y[i].z = sum.z; }
}
