// The entry point of a ${SIZE}x${SIZE} kernel: each row of pixels is read once for all the rows of the tile that it is a tap of.
@compute @workgroup_size(64)
fn kernel${SIZE}x${SIZE}(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) local: u32) {
  //#for i in 0..${SIZE} {
  let w${i} = weightRow(workgroup.y, ${i}u, ${SIZE}u);
  //#}
  let t = tile(workgroup, local);
  let at = columns(t.x - k.left);
  let row = t.y - k.top;
  let r0 = readRow(t.plane, row, at, ${COLUMNS});
  var y0 = across${SIZE}(r0, w0);
  let r1 = readRow(t.plane, row + k.step, at, ${COLUMNS});
  var y1 = across${SIZE}(r1, w0);
  y0 += across${SIZE}(r1, w1);
  //#for r in 2..4 {
  let r${r} = readRow(t.plane, row + ${r} * k.step, at, ${COLUMNS});
  var y${r} = across${SIZE}(r${r}, w0);
  //#for i in 1..${min(r + 1, SIZE)} {
  y${r - i} += across${SIZE}(r${r}, w${i});
  //#}
  //#}
  //#for r in 4..${SIZE + 3} {
  let r${r} = readRow(t.plane, row + ${r} * k.step, at, ${COLUMNS});
  //#for i in ${r - 3}..${min(r + 1, SIZE)} {
  y${r - i} += across${SIZE}(r${r}, w${i});
  //#}
  //#}
  if (!t.exists) { return; }
  //#for i in 0..4 {
  storeRow(y${i}, t, ${i});
  //#}
}
