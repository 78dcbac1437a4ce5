// The values of a workgroup's 64 lanes as one, by halves.
fn ${NAME}(lane: u32, value: f32) -> f32 {
  workgroupBarrier();
  scratch[lane] = value;
  for (var half = 32u; half > 0u; half >>= 1u) {
    workgroupBarrier();
    if (lane < half) { ${STEP}; }
  }
  workgroupBarrier();
  return scratch[0];
}
