// How a tile of sixteen rows by eight columns a lane starts: its place, the columns that it reads of b, and its sums.
fn store(row: u32, j: u32, left: vec4f, right: vec4f) {
  for (var q = 0u; q < 4u; q++) {
    if (j + q * LANES < p.n) { c[row + j + q * LANES] = left[q]; }
    if (j + (q + 4u) * LANES < p.n) { c[row + j + (q + 4u) * LANES] = right[q]; }
  }
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = group.y * 16u;
  let j = group.x * LANES * 8u + lane;
  let end = vec4u(p.n - 1u);
  let left = min(vec4u(j, j + LANES, j + 2u * LANES, j + 3u * LANES), end) + group.z * p.k * p.n;
  let right = min(vec4u(j, j + LANES, j + 2u * LANES, j + 3u * LANES) + 4u * LANES, end) + group.z * p.k * p.n;
  let first = group.z * p.m * p.k;
