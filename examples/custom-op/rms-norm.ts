/** @file An operation of your own: y = x / sqrt(mean(x^2) + eps) along rows, with kernels for both backends. */
import { add, div, fused, type Fused, type FusedKernel, mean, sqrt, square, type Tensor, type WgslKernel } from 'reparam';

interface Params {
  readonly eps: number;
}

const code = /* wgsl */ `
  struct Rows { rows: u32, n: u32 }
  @group(0) @binding(0) var<uniform> k: Rows;
  @group(0) @binding(1) var<storage, read> x: array<f32>;

  override EPS: f32;
  // 0 plants the mistake: the mean of the squares taken as a constant.
  override TERM: f32 = 1.0;

  fn root(start: u32) -> f32 {
    var sum = 0.0;
    for (var i = start; i < start + k.n; i++) { sum += x[i] * x[i]; }
    return sqrt(sum / f32(k.n) + EPS);
  }

  @group(0) @binding(2) var<storage, read_write> y: array<f32>;
  @compute @workgroup_size(64)
  fn forward(@builtin(global_invocation_id) id: vec3u) {
    if (id.x >= k.rows) { return; }
    let start = id.x * k.n;
    let r = root(start);
    for (var i = start; i < start + k.n; i++) { y[i] = x[i] / r; }
  }

  // gx = (g - y mean(g y)) / root
  @group(0) @binding(2) var<storage, read> g: array<f32>;
  @group(0) @binding(3) var<storage, read_write> gx: array<f32>;
  @compute @workgroup_size(64)
  fn backward(@builtin(global_invocation_id) id: vec3u) {
    if (id.x >= k.rows) { return; }
    let start = id.x * k.n;
    let r = root(start);
    var inner = 0.0;
    for (var i = start; i < start + k.n; i++) { inner += g[i] * x[i]; }
    inner = TERM * inner / (r * f32(k.n));
    for (var i = start; i < start + k.n; i++) { gx[i] = (g[i] - x[i] / r * inner) / r; }
  }`;

const wgsl = (name: string, entryPoint: string, rows: number, n: number, constants: Record<string, number>): WgslKernel => ({
  kind: 'wgsl',
  name: `${name} ${entryPoint}`,
  code,
  entryPoint,
  constants,
  uniforms: [rows, n],
  workgroups: [Math.ceil(rows / 64), 1, 1],
});

/** `right` or not; the composite is the same for both, and says what the kernels should compute. */
export function defineRmsNorm(name: string, right: boolean): Fused<readonly [Tensor], Params, Tensor> {
  const term = right ? 1 : 0;
  const webgpu: FusedKernel<Params> = {
    forward([x], { eps }) {
      const [rows, n] = x!.shape as [number, number];
      return { output: x!.device.launch(wgsl(name, 'forward', rows, n, { EPS: eps }), [x!], [x!.shape])[0]! };
    },
    backward({ inputs: [x], params: { eps } }, g) {
      const [rows, n] = x!.shape as [number, number];
      return x!.device.launch(wgsl(name, 'backward', rows, n, { EPS: eps, TERM: term }), [x!, g], [x!.shape]);
    },
  };
  return fused(
    name,
    ([x]: readonly [Tensor], { eps }: Params): Tensor => div(x, sqrt(add(mean(square(x), 1, { keepDims: true }), eps))),
    { webgpu },
  );
}
