// Stochastic gradient descent in place, PyTorch's form, one invocation an element:
//   g = gradient * scale + decay * parameter;  velocity = momentum * velocity + g
//   parameter -= rate * (NESTEROV ? g + momentum * velocity : velocity)
// gradient, parameter, velocity: [n]; hyper: [4] = rate, momentum, decay, scale. Tested by test/core/ops.devices.test.ts.
struct Params { n: u32 }

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> gradient: array<f32>;
@group(0) @binding(2) var<storage, read> hyper: array<f32>;
@group(0) @binding(3) var<storage, read_write> parameter: array<f32>;
@group(0) @binding(4) var<storage, read_write> velocity: array<f32>;

override NESTEROV: bool = false;

//#include "shared/invocation.wgsl" with ENTRY = main, ID = i, END = p.n
  let old = parameter[i];
  let g = gradient[i] * hyper[3] + hyper[2] * old;
  let v = hyper[1] * velocity[i] + g;
  velocity[i] = v;
  parameter[i] = old - hyper[0] * select(v, g + hyper[1] * v, NESTEROV);
}
