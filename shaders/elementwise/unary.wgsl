// y[i] = f(x[i]), four elements an invocation; OP says which f of the arms below, by
// the names of `unaryOperations` in src/contract/backend.ts.
// x, y: [n], read as vec4; the last vec4 is written element by element, since a view may end inside it.
// tanh and erf are rational approximations (those of Eigen): WGSL has no erf, and bounds tanh only to 1e-5.
// Tested by test/core/ops.devices.test.ts.
struct Params { n: u32 }

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>;

override OP: u32 = 0;

//#include "shared/special.wgsl" with TYPE = vec4f, WORD = vec4u, BOOL = vec4<bool>

fn tanhRational(v: vec4f) -> vec4f {
  // Beyond 9 the result rounds to 1.
  let c = clamp(v, vec4f(-7.90531110763549805), vec4f(7.90531110763549805));
  let s = c * c;
  var top = fma(s, vec4f(-2.76076847742355e-16), vec4f(2.00018790482477e-13));
  top = fma(s, top, vec4f(-8.60467152213735e-11));
  top = fma(s, top, vec4f(5.12229709037114e-08));
  top = fma(s, top, vec4f(1.48572235717979e-05));
  top = fma(s, top, vec4f(6.37261928875436e-04));
  top = fma(s, top, vec4f(4.89352455891786e-03));
  var bottom = fma(s, vec4f(1.19825839466702e-06), vec4f(1.18534705686654e-04));
  bottom = fma(s, bottom, vec4f(2.26843463243900e-03));
  bottom = fma(s, bottom, vec4f(4.89352518554385e-03));
  return select(c * top / bottom, v, abs(v) < vec4f(0.0004));
}

fn erfRational(v: vec4f) -> vec4f {
  // Beyond 4 the result rounds to 1.
  let c = clamp(v, vec4f(-4.0), vec4f(4.0));
  let s = c * c;
  var top = fma(s, vec4f(-2.72614225801306e-10), vec4f(2.77068142495902e-08));
  top = fma(s, top, vec4f(-2.10102402082508e-06));
  top = fma(s, top, vec4f(-5.69250639462346e-05));
  top = fma(s, top, vec4f(-7.34990630326855e-04));
  top = fma(s, top, vec4f(-2.95459980854025e-03));
  top = fma(s, top, vec4f(-1.60960333262415e-02));
  var bottom = fma(s, vec4f(-1.45660718464996e-05), vec4f(-2.13374055278905e-04));
  bottom = fma(s, bottom, vec4f(-1.68282697438203e-03));
  bottom = fma(s, bottom, vec4f(-7.37332916720468e-03));
  bottom = fma(s, bottom, vec4f(-1.42647390514189e-02));
  return c * top / bottom;
}

// log, whose values at 0 and infinity drivers miss.
fn logWhole(v: vec4f) -> vec4f {
  let bits = bitcast<vec4u>(v);
  let lowest = bitcast<vec4f>(bits | vec4u(0xff800000u));
  let known = select(log(v), v, bits == vec4u(0x7f800000u));
  return select(select(known, lowest, (bits & vec4u(0x7fffffffu)) == vec4u()), nanOf(v), isNan(v) | (v < vec4f(0.0)));
}

// 1 / (1 + e^-x) with e^-|x|, which does not overflow: accurate in both tails as far as exp is.
fn sigmoidStable(v: vec4f) -> vec4f {
  let e = exp(-abs(v));
  return select(e, vec4f(1.0), v >= vec4f(0.0)) / (1.0 + e);
}

// max(x, 0) + log(1 + e), e = e^-|x|. WGSL bounds log near 1 by an absolute error alone, so log(1 + e) = 2 artanh(s),
// s = e / (2 + e) <= 1/3, is its series to s^19.
fn softplusStable(v: vec4f) -> vec4f {
  let e = exp(-abs(v));
  let s = e / (2.0 + e);
  let q = s * s;
  var series = fma(q, vec4f(1.0 / 19.0), vec4f(1.0 / 17.0));
  //#for i in 0..8 {
  series = fma(q, series, vec4f(1.0 / ${15 - 2 * i}.0));
  //#}
  return max(v, vec4f(0.0)) + 2.0 * s * series;
}

fn apply(v: vec4f) -> vec4f {
  switch OP {
    //#operations {
    case neg { return -v; }
    case exp { return select(exp(v), nanOf(v), isNan(v)); }
    case log { return logWhole(v); }
    case sqrt { return select(sqrt(v), nanOf(v), isNan(v) | (v < vec4f(0.0))); }
    case reciprocal { return vec4f(1.0) / v; }
    case relu { return select(v, vec4f(0.0), (v < vec4f(0.0)) & !isNan(v)); }
    case step { return select(vec4f(0.0), vec4f(1.0), (v > vec4f(0.0)) & !isNan(v)); }
    case tanh { return select(tanhRational(v), nanOf(v), isNan(v)); }
    case erf { return select(erfRational(v), nanOf(v), isNan(v)); }
    case sigmoid { return select(sigmoidStable(v), nanOf(v), isNan(v)); }
    case softplus { return select(softplusStable(v), nanOf(v), isNan(v)); }
    //#}
    default { return v; }
  }
}

//#include "shared/vec4-invocation.wgsl"
  let v = apply(x[i]);
  //#include "shared/vec4-store.wgsl" with VALUE = v
}
