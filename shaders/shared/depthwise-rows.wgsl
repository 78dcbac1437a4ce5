// Columns that a tile reads, from its first tap on, clamped, and which of them are inside.
struct Columns { a: vec4i, b: vec4i, inA: vec4<bool>, inB: vec4<bool> }

fn columns(first: i32) -> Columns {
  let a = vec4i(first) + vec4i(0, 1, 2, 3) * k.step;
  let b = a + 4 * k.step;
  let last = vec4i(k.width - 1);
  return Columns(clamp(a, vec4i(0), last), clamp(b, vec4i(0), last), (a >= vec4i(0)) & (a <= last), (b >= vec4i(0)) & (b <= last));
}

struct Row { a: vec4f, b: vec4f }

// Six or eight columns of a row; zeros outside.
fn readRow(plane: i32, row: i32, at: Columns, count: i32) -> Row {
  let start = (plane * k.height + clamp(row, 0, k.height - 1)) * k.width;
  let inside = vec4<bool>(row >= 0 && row < k.height);
  var r: Row;
  r.a = select(vec4f(), vec4f(source[start + at.a.x], source[start + at.a.y], source[start + at.a.z], source[start + at.a.w]), inside & at.inA);
  if (count == 6) {
    r.b = select(vec4f(), vec4f(source[start + at.b.x], source[start + at.b.y], 0, 0), inside & at.inB);
  } else {
    r.b = select(vec4f(), vec4f(source[start + at.b.x], source[start + at.b.y], source[start + at.b.z], source[start + at.b.w]), inside & at.inB);
  }
  return r;
}

// Tiles that start in the same run of 4 d pixels interleave.
fn firstPixel(block: i32) -> i32 {
  return block / k.step * 4 * k.step + block % k.step;
}
