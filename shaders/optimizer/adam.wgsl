// Adam in place (Kingma and Ba, 2015), weight decay added to the gradient, one invocation an element:
//   g = gradient * scale + decay * parameter;  first = b1 first + (1 - b1) g;  second = b2 second + (1 - b2) g^2
//   parameter -= rate * (first / c1) / (sqrt(second / c2) + eps),  c1 = 1 - b1^t, c2 = 1 - b2^t
// gradient, parameter, first, second: [n]; hyper: [8] = rate, b1, b2, eps, decay, c1, c2, scale.
// Tested by test/core/ops.devices.test.ts.
struct Params { n: u32 }

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> gradient: array<f32>;
@group(0) @binding(2) var<storage, read> hyper: array<f32>;
@group(0) @binding(3) var<storage, read_write> parameter: array<f32>;
@group(0) @binding(4) var<storage, read_write> first: array<f32>;
@group(0) @binding(5) var<storage, read_write> second: array<f32>;

//#include "shared/invocation.wgsl" with ENTRY = main, ID = i, END = p.n
  let rate = hyper[0];
  let b1 = hyper[1];
  let b2 = hyper[2];
  let old = parameter[i];
  let g = gradient[i] * hyper[7] + hyper[4] * old;
  let m = b1 * first[i] + (1.0 - b1) * g;
  let v = b2 * second[i] + (1.0 - b2) * g * g;
  first[i] = m;
  second[i] = v;
  parameter[i] = old - rate * (m / hyper[5]) / (sqrt(v / hyper[6]) + hyper[3]);
}
