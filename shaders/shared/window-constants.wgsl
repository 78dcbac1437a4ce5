// The commonest windows are square, without dilation: as constants they turn divisions into shifts and loops into straight code. 0: the
// uniforms say.
override WINDOW: i32 = 0;
override STRIDE: i32 = 0;

// Rows that a lane of `dense3` takes.
override DENSE_ROWS: i32 = 4;

fn windowY() -> i32 { return select(k.kh, WINDOW, WINDOW > 0); }
fn windowX() -> i32 { return select(k.kw, WINDOW, WINDOW > 0); }
fn strideY() -> i32 { return select(k.sy, STRIDE, WINDOW > 0); }
fn strideX() -> i32 { return select(k.sx, STRIDE, WINDOW > 0); }
fn dilationY() -> i32 { return select(k.dy, 1, WINDOW > 0); }
fn dilationX() -> i32 { return select(k.dx, 1, WINDOW > 0); }
