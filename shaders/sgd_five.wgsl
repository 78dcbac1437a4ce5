// Stochastic gradient descent in place on 5 parameters at once, each as in sgd.wgsl: workgroups with the same y take one of them.
// gradient_k, parameter_k, velocity_k: [n_k]; hyper: [4] = rate, momentum, decay, scale. Tested by test/core/fused.devices.test.ts.
struct Params { sizes: array<vec4u, 2> }

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> hyper: array<f32>;
@group(0) @binding(2) var<storage, read> gradient0: array<f32>;
@group(0) @binding(3) var<storage, read> gradient1: array<f32>;
@group(0) @binding(4) var<storage, read> gradient2: array<f32>;
@group(0) @binding(5) var<storage, read> gradient3: array<f32>;
@group(0) @binding(6) var<storage, read> gradient4: array<f32>;
@group(0) @binding(7) var<storage, read_write> parameter0: array<f32>;
@group(0) @binding(8) var<storage, read_write> velocity0: array<f32>;
@group(0) @binding(9) var<storage, read_write> parameter1: array<f32>;
@group(0) @binding(10) var<storage, read_write> velocity1: array<f32>;
@group(0) @binding(11) var<storage, read_write> parameter2: array<f32>;
@group(0) @binding(12) var<storage, read_write> velocity2: array<f32>;
@group(0) @binding(13) var<storage, read_write> parameter3: array<f32>;
@group(0) @binding(14) var<storage, read_write> velocity3: array<f32>;
@group(0) @binding(15) var<storage, read_write> parameter4: array<f32>;
@group(0) @binding(16) var<storage, read_write> velocity4: array<f32>;

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
      case 1 {
        let next = moved(parameter1[i], gradient1[i], velocity1[i]);
        parameter1[i] = next.x;
        velocity1[i] = next.y;
      }
      case 2 {
        let next = moved(parameter2[i], gradient2[i], velocity2[i]);
        parameter2[i] = next.x;
        velocity2[i] = next.y;
      }
      case 3 {
        let next = moved(parameter3[i], gradient3[i], velocity3[i]);
        parameter3[i] = next.x;
        velocity3[i] = next.y;
      }
      default {
        let next = moved(parameter4[i], gradient4[i], velocity4[i]);
        parameter4[i] = next.x;
        velocity4[i] = next.y;
      }
    }
  }
}
