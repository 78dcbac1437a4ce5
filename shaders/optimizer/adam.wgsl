// Adam in place (Kingma and Ba, 2015), weight decay added to the gradient, one invocation an element:
//   g = gradient * scale + decay * parameter;  first += (1 - b1) (g - first);  second += (1 - b2) (g^2 - second)
//   parameter -= rate * (first / c1) / (sqrt(second / c2) + eps),  c1 = 1 - b1^t, c2 = 1 - b2^t
// gradient, parameter, first, second: [n]; hyper: [8] = rate, 1 - b1, 1 - b2, eps, decay, c1, c2, scale: 1 - b is formed in float64.
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
  let old = parameter[i];
  let g = gradient[i] * hyper[7] + hyper[4] * old;
  let m = first[i] + hyper[1] * (g - first[i]);
  let v = second[i] + hyper[2] * (g * g - second[i]);
  first[i] = m;
  second[i] = v;
  parameter[i] = old - rate * (m / hyper[5]) / (sqrt(v / hyper[6]) + hyper[3]);
}
