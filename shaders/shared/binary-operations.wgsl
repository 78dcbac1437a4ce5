//#include "shared/special.wgsl" with TYPE = ${TYPE}, WORD = ${WORD}, BOOL = ${BOOL}

// The larger; NaN where either is one; of two zeros the positive one.
fn largerOf(u: ${TYPE}, v: ${TYPE}) -> ${TYPE} {
  let same = bitcast<${TYPE}>(bitcast<${WORD}>(u) & bitcast<${WORD}>(v));
  return select(select(select(v, u, u > v), same, u == v), nanOf(u), isNan(u) | isNan(v));
}

// The binary operations over ${TYPE}, by the names of `binaryOperations` in src/contract/backend.ts.
fn apply(u: ${TYPE}, v: ${TYPE}) -> ${TYPE} {
  switch OP {
    //#operations {
    case add { return u + v; }
    case sub { return u - v; }
    case mul { return u * v; }
    case div { return u / v; }
    case maximum { return largerOf(u, v); }
    case equal { return select(${ZERO}, ${ONE}, (u == v) & !(isNan(u) | isNan(v))); }
    default greater { return select(${ZERO}, ${ONE}, (u > v) & !(isNan(u) | isNan(v))); }
    //#}
  }
}
