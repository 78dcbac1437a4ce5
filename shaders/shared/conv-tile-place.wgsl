  // The lane ${LANE}'s column v, first row u and image n, and its workgroup's group, first channel and phase.
  let v = ${LANE} % k.columns;
  let u = (${LANE} / k.columns) % k.blocks * 4;
  let n = ${LANE} / (k.columns * k.blocks);
  let group = i32(workgroup.y) / k.channelBlocks;
  let first = i32(workgroup.y) % k.channelBlocks * i32(CHANNELS);
  let phaseY = i32(workgroup.z) / k.ratioX;
  let phaseX = i32(workgroup.z) % k.ratioX;
