// y[i] = a[i] where c[i] is not 0, else b[i], four elements an invocation, where c has the output's shape and a and b have it too or
// are scalars (A_SCALAR, B_SCALAR). c, a, b, y: [n] or [1], read as vec4; the last vec4 is written element by element, since a view
// may end inside it. Tested by test/core/ops.devices.test.ts.
struct Params { n: u32 }

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> c: array<vec4f>;
@group(0) @binding(2) var<storage, read> a: array<vec4f>;
@group(0) @binding(3) var<storage, read> b: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> y: array<vec4f>;

override A_SCALAR: bool = false;
override B_SCALAR: bool = false;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * 64u + lane;
  let at = i * 4u;
  if (at >= p.n) { return; }
  var u: vec4f;
  var v: vec4f;
  if (A_SCALAR) { u = vec4f(a[0].x); } else { u = a[i]; }
  if (B_SCALAR) { v = vec4f(b[0].x); } else { v = b[i]; }
  let w = select(v, u, c[i] != vec4f());
  if (at + 4u <= p.n) {
    y[i] = w;
    return;
  }
  y[i].x = w.x;
  if (at + 1u < p.n) { y[i].y = w.y; }
  if (at + 2u < p.n) { y[i].z = w.z; }
}
