// The six columns that a tile meets, clamped, and which of them are inside.
struct Columns { a: vec4i, b: vec2i, inA: vec4<bool>, inB: vec2<bool> }

// Pixels under the left, middle and right tap of four neighbours.
struct Row { l: vec4f, m: vec4f, r: vec4f }

fn readRow(start: i32, inside: bool, at: Columns) -> Row {
  let i = start + at.a;
  let j = start + at.b;
  let a = select(vec4f(), vec4f(${SOURCE}[i.x], ${SOURCE}[i.y], ${SOURCE}[i.z], ${SOURCE}[i.w]), at.inA & vec4<bool>(inside));
  let b = select(vec2f(), vec2f(${SOURCE}[j.x], ${SOURCE}[j.y]), at.inB & vec2<bool>(inside));
  return Row(a, vec4f(a.yzw, b.x), vec4f(a.zw, b));
}
