// y[i] = x0[i] + x1[i] + ..., COUNT terms (2 to 7) added from the left, four elements an invocation: one dispatch where a chain of
// additions would take several. x, y: [n], read as vec4; the last vec4 is written element by element, since a view may end inside it.
// Unused inputs are bound to a tensor in use and not read. Tested by test/core/ops.devices.test.ts.
struct Params { n: u32 }

@group(0) @binding(0) var<uniform> p: Params;
//#for i in 0..7 {
@group(0) @binding(${i + 1}) var<storage, read> x${i}: array<vec4f>;
//#}
@group(0) @binding(8) var<storage, read_write> y: array<vec4f>;

override COUNT: u32 = 7;

//#include "shared/vec4-invocation.wgsl"
  var sum = x0[i] + x1[i];
  //#for i in 2..7 {
  if (COUNT > ${i}u) { sum += x${i}[i]; }
  //#}
  //#include "shared/vec4-store.wgsl" with VALUE = sum
}
