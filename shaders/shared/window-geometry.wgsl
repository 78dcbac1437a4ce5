  h: i32, w: i32, oh: i32, ow: i32,
  kh: i32, kw: i32, sy: i32, sx: i32,
  top: i32, left: i32, dy: i32, dx: i32,
