// Stochastic gradient descent in place on ${COUNT} parameters at once: workgroups with the same y take one of them.
struct Params { sizes: array<vec4u, ${(COUNT + 3) / 4}> }

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> hyper: array<f32>;
//#for i in 0..${COUNT} {
@group(0) @binding(${2 + i}) var<storage, read> gradient${i}: array<f32>;
//#}
//#for i in 0..${COUNT} {
@group(0) @binding(${2 + COUNT + 2 * i}) var<storage, read_write> parameter${i}: array<f32>;
@group(0) @binding(${3 + COUNT + 2 * i}) var<storage, read_write> velocity${i}: array<f32>;
//#}

override NESTEROV: bool = false;

// The new parameter and the new velocity.
fn moved(old: f32, gradient: f32, velocity: f32) -> vec2f {
  let g = gradient * hyper[3] + hyper[2] * old;
  let v = hyper[1] * velocity + g;
  return vec2f(old - hyper[0] * select(v, g + hyper[1] * v, NESTEROV), v);
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let k = group.y;
  let first = group.x * 256u + lane;
  let end = min(group.x * 256u + 256u, p.sizes[k / 4u][k % 4u]);
  for (var i = first; i < end; i += 64u) {
    switch k {
      //#for i in 0..${COUNT - 1} {
      case ${i} {
        let next = moved(parameter${i}[i], gradient${i}[i], velocity${i}[i]);
        parameter${i}[i] = next.x;
        velocity${i}[i] = next.y;
      }
      //#}
      default {
        let next = moved(parameter${COUNT - 1}[i], gradient${COUNT - 1}[i], velocity${COUNT - 1}[i]);
        parameter${COUNT - 1}[i] = next.x;
        velocity${COUNT - 1}[i] = next.y;
      }
    }
  }
}
