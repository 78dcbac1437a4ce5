// x[r, i] = sum of g[r, j] over the j with index[r, j] = i: the adjoint of take, as a gather (WGSL has no float atomics), so that
// the order of the sum is fixed. An index that names no element makes its whole row NaN: the gradient of a row of which a NaN was
// taken. g and index: [rows, m], x: [rows, n], indices as floats. One invocation an output element.
// Tested by test/core/ops.devices.test.ts.
struct Params { rows: u32, n: u32, m: u32, zero: u32 }

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> g: array<f32>;
@group(0) @binding(2) var<storage, read> index: array<f32>;
@group(0) @binding(3) var<storage, read_write> x: array<f32>;

//#include "shared/special.wgsl" with TYPE = f32, WORD = u32, BOOL = bool
//#include "shared/pending-sum.wgsl" with ZERO = p.zero

//#include "shared/invocation.wgsl" with ENTRY = main, ID = id, END = p.rows * p.n
  let wanted = f32(id % p.n);
  let first = id / p.n * p.m;
  var sum = Sum();
  var lost = false;
  for (var j = first; j < first + p.m; j++) {
    let at = index[j];
    lost = lost || isNan(at) || at < 0.0 || at >= f32(p.n) || floor(at) != at;
    if (at == wanted) { sum = plus(sum, g[j]); }
  }
  x[id] = select(total(sum), nanOf(wanted), lost);
}
