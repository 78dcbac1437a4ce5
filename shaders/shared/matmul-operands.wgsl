// Operands of a tiled product: a is walked by strides (row, column), so that its transpose needs no copy; b and c are dense.
struct Params {
  m: u32, n: u32, k: u32,
  aRow: u32, aColumn: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> c: array<f32>;
