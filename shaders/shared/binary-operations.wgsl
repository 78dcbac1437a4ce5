// The binary operations over ${TYPE}, by the names of `binaryOperations` in src/contract/backend.ts.
fn apply(u: ${TYPE}, v: ${TYPE}) -> ${TYPE} {
  switch OP {
    //#operations {
    case add { return u + v; }
    case sub { return u - v; }
    case mul { return u * v; }
    case div { return u / v; }
    case maximum { return max(u, v); }
    default greater { return select(${ZERO}, ${ONE}, u > v); }
    //#}
  }
}
