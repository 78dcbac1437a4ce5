  store(a0, n, group, first, y, x);
  if (CHANNELS > 1u) {
    //#for o in 1..4 {
    store(a${o}, n, group, first + ${o}, y, x);
    //#}
  }
  if (CHANNELS > 4u) {
    //#for o in 4..8 {
    store(a${o}, n, group, first + ${o}, y, x);
    //#}
  }
  if (CHANNELS > 8u) {
    //#for o in 8..16 {
    store(a${o}, n, group, first + ${o}, y, x);
    //#}
  }
}
