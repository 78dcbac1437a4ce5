// Convolution 3x3 of stride and dilation 1, and its input gradient, without subgroups.
//   written[n, a, y, x] = sum over b, i, j of source[n, b, y - top + i, x - left + j] w(a, b, i, j), zeros outside the source
// A lane takes a tile of 4x4 of four channels: for each summed channel it loads 6x6 pixels once for all nine taps, and
// weights as vec4s over channels, packed by conv_pack_weights.wgsl (for the gradient with taps reversed). A sum is touched once a
// channel and not once a tap. Lanes run over n and tiles. Workgroups: x lanes, y group and block of channels.
// Tested by test/core/conv.devices.test.ts.
struct Geometry {
  lanes: i32, blocksY: i32, blocksX: i32, channelBlocks: i32,
  sourceChannels: i32, sourceHeight: i32, sourceWidth: i32, inputs: i32,
  channels: i32, height: i32, width: i32, outputs: i32,
  top: i32, left: i32,
  // Distance in vec4s between groups in the packed weights.
  weightGroup: i32,
}

@group(0) @binding(0) var<uniform> k: Geometry;
@group(0) @binding(1) var<storage, read> source: array<f32>;
@group(0) @binding(2) var<storage, read> packed: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> written: array<f32>;

// The six columns that a tile reads, clamped, and which of them are inside.
struct Columns { a: vec4i, b: vec2i, inA: vec4<bool>, inB: vec2<bool> }

// Pixels under the left, middle and right tap of four neighbours.
struct Row { l: vec4f, m: vec4f, r: vec4f }

fn readRow(start: i32, inside: bool, at: Columns) -> Row {
  let i = start + at.a;
  let j = start + at.b;
  let a = select(vec4f(), vec4f(source[i.x], source[i.y], source[i.z], source[i.w]), at.inA & vec4<bool>(inside));
  let b = select(vec2f(), vec2f(source[j.x], source[j.y]), at.inB & vec2<bool>(inside));
  return Row(a, vec4f(a.yzw, b.x), vec4f(a.zw, b));
}

fn across(row: Row, l: f32, m: f32, r: f32) -> vec4f {
  return row.l * l + row.m * m + row.r * r;
}

fn storeRow(value: vec4f, to: i32, x: i32) {
  written[to] = value.x;
  if (x + 1 < k.width) { written[to + 1] = value.y; }
  if (x + 2 < k.width) { written[to + 2] = value.z; }
  if (x + 3 < k.width) { written[to + 3] = value.w; }
}

fn store(v0: vec4f, v1: vec4f, v2: vec4f, v3: vec4f, output: i32, plane: i32, y: i32, x: i32) {
  if (output >= k.outputs) { return; }
  let to = ((plane + output) * k.height + y) * k.width + x;
  storeRow(v0, to, x);
  if (y + 1 < k.height) { storeRow(v1, to + k.width, x); }
  if (y + 2 < k.height) { storeRow(v2, to + 2 * k.width, x); }
  if (y + 3 < k.height) { storeRow(v3, to + 3 * k.width, x); }
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) local: u32) {
  let id = i32(workgroup.x * 64u + local);
  if (id >= k.lanes) { return; }
  let x = id % k.blocksX * 4;
  let y = id / k.blocksX % k.blocksY * 4;
  let n = id / (k.blocksX * k.blocksY);
  let group = i32(workgroup.y) / k.channelBlocks;
  let block = i32(workgroup.y) % k.channelBlocks;
  let first = block * 4;
  let height = k.sourceHeight;
  let width = k.sourceWidth;
  let inputs = k.inputs;

  let a = vec4i(x - k.left) + vec4i(0, 1, 2, 3);
  let b = a.zw + 2;
  let last = width - 1;
  let at = Columns(
    clamp(a, vec4i(0), vec4i(last)), clamp(b, vec2i(0), vec2i(last)),
    (a >= vec4i(0)) & (a <= vec4i(last)), (b >= vec2i(0)) & (b <= vec2i(last)),
  );
  let top = y - k.top;
  let in0 = top >= 0 && top < height;
  let in1 = top + 1 >= 0 && top + 1 < height;
  let in2 = top + 2 >= 0 && top + 2 < height;
  let in3 = top + 3 >= 0 && top + 3 < height;
  let in4 = top + 4 >= 0 && top + 4 < height;
  let in5 = top + 5 >= 0 && top + 5 < height;
  let row0 = clamp(top, 0, height - 1) * width;
  let row1 = clamp(top + 1, 0, height - 1) * width;
  let row2 = clamp(top + 2, 0, height - 1) * width;
  let row3 = clamp(top + 3, 0, height - 1) * width;
  let row4 = clamp(top + 4, 0, height - 1) * width;
  let row5 = clamp(top + 5, 0, height - 1) * width;
  var s0_0 = vec4f(); var s0_1 = vec4f(); var s0_2 = vec4f(); var s0_3 = vec4f();
  var s1_0 = vec4f(); var s1_1 = vec4f(); var s1_2 = vec4f(); var s1_3 = vec4f();
  var s2_0 = vec4f(); var s2_1 = vec4f(); var s2_2 = vec4f(); var s2_3 = vec4f();
  var s3_0 = vec4f(); var s3_1 = vec4f(); var s3_2 = vec4f(); var s3_3 = vec4f();
  var base = (n * k.sourceChannels + group * inputs) * height * width;
  var near = k.weightGroup * group + block * inputs * 9;
  for (var c = 0; c < inputs; c++) {
    let r0 = readRow(base + row0, in0, at);
    let r1 = readRow(base + row1, in1, at);
    let r2 = readRow(base + row2, in2, at);
    let r3 = readRow(base + row3, in3, at);
    let r4 = readRow(base + row4, in4, at);
    let r5 = readRow(base + row5, in5, at);
    let w0 = packed[near];
    let w1 = packed[near + 1];
    let w2 = packed[near + 2];
    let w3 = packed[near + 3];
    let w4 = packed[near + 4];
    let w5 = packed[near + 5];
    let w6 = packed[near + 6];
    let w7 = packed[near + 7];
    let w8 = packed[near + 8];
    s0_0 += across(r0, w0.x, w1.x, w2.x) + across(r1, w3.x, w4.x, w5.x) + across(r2, w6.x, w7.x, w8.x);
    s0_1 += across(r1, w0.x, w1.x, w2.x) + across(r2, w3.x, w4.x, w5.x) + across(r3, w6.x, w7.x, w8.x);
    s0_2 += across(r2, w0.x, w1.x, w2.x) + across(r3, w3.x, w4.x, w5.x) + across(r4, w6.x, w7.x, w8.x);
    s0_3 += across(r3, w0.x, w1.x, w2.x) + across(r4, w3.x, w4.x, w5.x) + across(r5, w6.x, w7.x, w8.x);
    s1_0 += across(r0, w0.y, w1.y, w2.y) + across(r1, w3.y, w4.y, w5.y) + across(r2, w6.y, w7.y, w8.y);
    s1_1 += across(r1, w0.y, w1.y, w2.y) + across(r2, w3.y, w4.y, w5.y) + across(r3, w6.y, w7.y, w8.y);
    s1_2 += across(r2, w0.y, w1.y, w2.y) + across(r3, w3.y, w4.y, w5.y) + across(r4, w6.y, w7.y, w8.y);
    s1_3 += across(r3, w0.y, w1.y, w2.y) + across(r4, w3.y, w4.y, w5.y) + across(r5, w6.y, w7.y, w8.y);
    s2_0 += across(r0, w0.z, w1.z, w2.z) + across(r1, w3.z, w4.z, w5.z) + across(r2, w6.z, w7.z, w8.z);
    s2_1 += across(r1, w0.z, w1.z, w2.z) + across(r2, w3.z, w4.z, w5.z) + across(r3, w6.z, w7.z, w8.z);
    s2_2 += across(r2, w0.z, w1.z, w2.z) + across(r3, w3.z, w4.z, w5.z) + across(r4, w6.z, w7.z, w8.z);
    s2_3 += across(r3, w0.z, w1.z, w2.z) + across(r4, w3.z, w4.z, w5.z) + across(r5, w6.z, w7.z, w8.z);
    s3_0 += across(r0, w0.w, w1.w, w2.w) + across(r1, w3.w, w4.w, w5.w) + across(r2, w6.w, w7.w, w8.w);
    s3_1 += across(r1, w0.w, w1.w, w2.w) + across(r2, w3.w, w4.w, w5.w) + across(r3, w6.w, w7.w, w8.w);
    s3_2 += across(r2, w0.w, w1.w, w2.w) + across(r3, w3.w, w4.w, w5.w) + across(r4, w6.w, w7.w, w8.w);
    s3_3 += across(r3, w0.w, w1.w, w2.w) + across(r4, w3.w, w4.w, w5.w) + across(r5, w6.w, w7.w, w8.w);
    base += height * width;
    near += 9;
  }

  let plane = n * k.channels + group * k.outputs;
  store(s0_0, s0_1, s0_2, s0_3, first, plane, y, x);
  store(s1_0, s1_1, s1_2, s1_3, first + 1, plane, y, x);
  store(s2_0, s2_1, s2_2, s2_3, first + 2, plane, y, x);
  store(s3_0, s3_1, s3_2, s3_3, first + 3, plane, y, x);
}
