// At channel c: sums of BLOCK summed channels are added to others, so that no chain of additions is long.
if (BLOCK > 0 && c % max(BLOCK, 1) == 0) {
  //#for o in 0..4 {
  t${o} += a${o}; a${o} = vec4f();
  //#}
  if (CHANNELS > 4u) {
    //#for o in 4..8 {
    t${o} += a${o}; a${o} = vec4f();
    //#}
  }
  if (CHANNELS > 8u) {
    //#for o in 8..16 {
    t${o} += a${o}; a${o} = vec4f();
    //#}
  }
}
