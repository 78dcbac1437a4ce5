// Four values of a lane, one below the other in the rows of its phase, where the image has them.
fn store(value: vec4f, n: i32, group: i32, output: i32, y: i32, x: i32) {
  if (output >= k.outputs) { return; }
  let to = ((n * k.channels + group * k.outputs + output) * k.height + y) * k.width + x;
  let next = k.ratioY * k.width;
  written[to] = value.x;
  if (y + k.ratioY < k.height) { written[to + next] = value.y; }
  if (y + 2 * k.ratioY < k.height) { written[to + 2 * next] = value.z; }
  if (y + 3 * k.ratioY < k.height) { written[to + 3 * next] = value.w; }
}
