// bits[i] = y0 ^ y1 of Threefry-2x32 with 20 rounds (Salmon et al., SC 2011), key = key[0..1], counter = (0, i).
// key: [2], bits: [n], both u32. One invocation a word. Tested by test/core/ops.devices.test.ts against src/core/random.ts.
struct Params { n: u32 }

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> key: array<u32>;
@group(0) @binding(2) var<storage, read_write> bits: array<u32>;

const PARITY = 0x1bd11bdau;

fn round(v: vec2u, distance: u32) -> vec2u {
  let x = v.x + v.y;
  return vec2u(x, ((v.y << distance) | (v.y >> (32u - distance))) ^ x);
}

fn evenRounds(v: vec2u) -> vec2u { return round(round(round(round(v, 13u), 15u), 26u), 6u); }
fn oddRounds(v: vec2u) -> vec2u { return round(round(round(round(v, 17u), 29u), 16u), 24u); }

//#include "shared/invocation.wgsl" with ENTRY = main, ID = i, END = p.n
  let k0 = key[0];
  let k1 = key[1];
  let k2 = k0 ^ k1 ^ PARITY;
  var v = vec2u(k0, i + k1);
  v = evenRounds(v) + vec2u(k1, k2 + 1u);
  v = oddRounds(v) + vec2u(k2, k0 + 2u);
  v = evenRounds(v) + vec2u(k0, k1 + 3u);
  v = oddRounds(v) + vec2u(k1, k2 + 4u);
  v = evenRounds(v) + vec2u(k2, k0 + 5u);
  bits[i] = v.x ^ v.y;
}
