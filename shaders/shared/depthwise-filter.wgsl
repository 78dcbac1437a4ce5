// The entry point of a ${SIZE}x${SIZE} kernel: each row of pixels is read once for all the rows of taps that it meets g in.
@compute @workgroup_size(64)
fn kernel${SIZE}x${SIZE}(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) local: u32) {
  let lane = i32(workgroup.x * 64u + local);
  let channel = i32(workgroup.y);
  //#for i in 0..${SIZE} {
  var s${i}: WeightRow;
  //#}
  for (var id = lane; id < k.tiles; id += k.lanes) {
    let plane = id / (k.blocksX * k.blocksY) * k.channels + channel;
    let ty = firstPixel(id / k.blocksX % k.blocksY);
    let tx = firstPixel(id % k.blocksX);
    let at = columns(tx - k.left);
    let row = ty - k.top;
    let g0 = readG(plane, ty, tx);
    let g1 = readG(plane, ty + k.step, tx);
    let g2 = readG(plane, ty + 2 * k.step, tx);
    let g3 = readG(plane, ty + 3 * k.step, tx);
    let r0 = readRow(plane, row, at, ${COLUMNS});
    s0 = add${SIZE}(s0, r0, g0);
    let r1 = readRow(plane, row + k.step, at, ${COLUMNS});
    s0 = add${SIZE}(s0, r1, g1);
    s1 = add${SIZE}(s1, r1, g0);
    //#for r in 2..${SIZE + 3} {
    let r${r} = readRow(plane, row + ${r} * k.step, at, ${COLUMNS});
    //#for i in ${max(0, r - 3)}..${min(r + 1, SIZE)} {
    s${i} = add${SIZE}(s${i}, r${r}, g${r - i});
    //#}
    //#}
  }
  //#for i in 0..${SIZE} {
  store(s${i}, channel, ${i}, ${SIZE}, lane);
  //#}
}
