if (BLOCK > 0) {
  //#for o in 0..4 {
  a${o} += t${o};
  //#}
  if (CHANNELS > 4u) {
    //#for o in 4..8 {
    a${o} += t${o};
    //#}
  }
  if (CHANNELS > 8u) {
    //#for o in 8..16 {
    a${o} += t${o};
    //#}
  }
}
