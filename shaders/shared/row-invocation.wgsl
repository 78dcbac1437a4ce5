//#include "shared/invocation.wgsl" with ENTRY = main, ID = id, END = p.invocations
  // Invocations take every `chunks`-th element of a row, so that the divisions that find the row are shared by several elements and
  // neighbours still touch neighbours.
  let inner = p.sizes[1][3];
  let row = id / p.chunks;
  var rest = row;
