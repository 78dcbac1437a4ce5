  // The taps that this phase meets: four pixels start at `start`, and their weights at `tap`.
  let plane = k.sourceHeight * k.sourceWidth;
  let base = (n * k.sourceChannels + group * k.inputs) * plane;
  //#for o in 0..16 {
  var a${o} = vec4f();
  //#}
  //#for o in 0..16 {
  var t${o} = vec4f();
  //#}
  for (var i = 0; i < k.kh; i++) {
    let offsetY = phaseY + k.originY + i * k.stepY;
    if (offsetY % k.ratioY != 0) { continue; }
    let row = (u + vec4i(0, 1, 2, 3)) * k.strideY + offsetY / k.ratioY;
    let rowInside = (row >= vec4i(0)) & (row < vec4i(k.sourceHeight));
    let rowStart = base + clamp(row, vec4i(0), vec4i(k.sourceHeight - 1)) * k.sourceWidth;
    for (var j = 0; j < k.kw; j++) {
      let offsetX = phaseX + k.originX + j * k.stepX;
      if (offsetX % k.ratioX != 0) { continue; }
      let column = v * k.strideX + offsetX / k.ratioX;
      let inside = rowInside & vec4<bool>(column >= 0 && column < k.sourceWidth);
      var start = rowStart + clamp(column, 0, k.sourceWidth - 1);
      var tap = i * k.kw + j;
