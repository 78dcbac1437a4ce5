//#include "shared/long-sum.wgsl" with ZERO = ${ZERO}

// A long sum with up to sixteen terms that wait for it.
struct Sum { long: LongSum, block: f32, count: u32 }

fn plus(sum: Sum, term: f32) -> Sum {
  if (sum.count < 15u) { return Sum(sum.long, sum.block + term, sum.count + 1u); }
  return Sum(extend(sum.long, sum.block + term), 0.0, 0u);
}

fn total(sum: Sum) -> f32 { return valueOf(extend(sum.long, sum.block)); }
