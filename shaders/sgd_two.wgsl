// Stochastic gradient descent in place on 2 parameters at once, each as in sgd.wgsl: workgroups with the same y take one of them.
// gradient_k, parameter_k, velocity_k: [n_k]; hyper: [4] = rate, momentum, decay, scale. Tested by test/core/fused.devices.test.ts.
struct Params { sizes: array<vec4u, 1> }

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> hyper: array<f32>;
@group(0) @binding(2) var<storage, read> gradient0: array<f32>;
@group(0) @binding(3) var<storage, read> gradient1: array<f32>;
@group(0) @binding(4) var<storage, read_write> parameter0: array<f32>;
@group(0) @binding(5) var<storage, read_write> velocity0: array<f32>;
@group(0) @binding(6) var<storage, read_write> parameter1: array<f32>;
@group(0) @binding(7) var<storage, read_write> velocity1: array<f32>;

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
      case 0 {
        let next = moved(parameter0[i], gradient0[i], velocity0[i]);
        parameter0[i] = next.x;
        velocity0[i] = next.y;
      }
      default {
        let next = moved(parameter1[i], gradient1[i], velocity1[i]);
        parameter1[i] = next.x;
        velocity1[i] = next.y;
      }
    }
  }
}
