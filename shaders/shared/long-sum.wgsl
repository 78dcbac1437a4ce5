// A long sum as a running sum in two numbers (Knuth's exact addition), to which short sums are added.
struct LongSum { high: f32, low: f32 }

// What the compiler must not see through: exact addition is nothing but a - a to one that rearranges sums. ZERO is 0 at run time.
fn opaque(v: f32) -> f32 { return bitcast<f32>(bitcast<u32>(v) ^ ${ZERO}); }

fn extend(sum: LongSum, value: f32) -> LongSum {
  let high = opaque(sum.high + value);
  // What is not finite has no second number.
  if ((bitcast<u32>(high) & 0x7fffffffu) >= 0x7f800000u) { return LongSum(high, 0.0); }
  let part = opaque(high - sum.high);
  let low = sum.low + ((sum.high - opaque(high - part)) + (value - part));
  // The second number stays below a unit of the first.
  let all = opaque(high + low);
  return LongSum(all, low - opaque(all - high));
}

fn valueOf(sum: LongSum) -> f32 { return sum.high + sum.low; }
