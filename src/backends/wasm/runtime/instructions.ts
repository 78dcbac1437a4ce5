/**
 * @file WebAssembly instructions as functions: an operand is the code that pushes it, the result is the code that uses it.
 *
 * `f32x4.add(x.get, v128.load(p.get))` is the bytes of three instructions. Opcodes: WebAssembly core specification 2.0, section 5.4.
 */

/** Bytes of instructions. */
export type Code = readonly number[];

export type ValueType = 'i32' | 'f32' | 'f64' | 'v128';

/** Unsigned LEB128. */
export function unsigned(value: number): Code {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return [...bytes, rest];
}

/** Signed LEB128 of a 32-bit integer. */
export function signed(value: number): Code {
  const bytes: number[] = [];
  let rest = value | 0;
  for (; rest < -64 || rest >= 64; rest >>= 7) bytes.push((rest & 127) | 128);
  return [...bytes, rest & 127];
}

type Unary = (a: Code) => Code;
type Binary = (a: Code, b: Code) => Code;
/** Reads at address + offset (bytes). */
type Load = (address: Code, offset?: number) => Code;
type Store = (address: Code, value: Code, offset?: number) => Code;

const SIMD = 0xfd;

function unary(...opcode: number[]): Unary {
  return (a) => [...a, ...opcode];
}

function binary(...opcode: number[]): Binary {
  return (a, b) => [...a, ...b, ...opcode];
}

/** `align` is the exponent of the alignment hint: of the element, so that no address is misaligned by contract. */
function load(opcode: Code, align: number): Load {
  return (address, offset = 0) => [...address, ...opcode, align, ...unsigned(offset)];
}

function store(opcode: Code, align: number): Store {
  return (address, value, offset = 0) => [...address, ...value, ...opcode, align, ...unsigned(offset)];
}

function simd(opcode: number): number[] {
  return [SIMD, ...unsigned(opcode)];
}

function floatBytes(view: Float32Array | Float64Array): number[] {
  return [...new Uint8Array(view.buffer)];
}

interface Integer {
  readonly const: (value: number) => Code;
  readonly add: Binary;
  readonly sub: Binary;
  readonly mul: Binary;
  readonly and: Binary;
  readonly or: Binary;
  readonly shl: Binary;
  /** Unsigned. */
  readonly shr: Binary;
  readonly div: Binary;
  readonly eqz: Unary;
  readonly lessThan: Binary;
  readonly lessThanUnsigned: Binary;
  readonly greaterThan: Binary;
  /** Towards zero, saturating. */
  readonly fromF32: Unary;
  /** The bits of a float. */
  readonly reinterpretF32: Unary;
  readonly load: Load;
}

export const i32: Integer = {
  const: (value) => [0x41, ...signed(value)],
  add: binary(0x6a),
  sub: binary(0x6b),
  mul: binary(0x6c),
  and: binary(0x71),
  or: binary(0x72),
  shl: binary(0x74),
  shr: binary(0x76),
  div: binary(0x6e),
  eqz: unary(0x45),
  lessThan: binary(0x48),
  lessThanUnsigned: binary(0x49),
  greaterThan: binary(0x4a),
  fromF32: unary(0xfc, 0x00),
  reinterpretF32: unary(0xbc),
  load: load([0x28], 2),
};

interface Float {
  readonly const: (value: number) => Code;
  readonly add: Binary;
  readonly sub: Binary;
  readonly mul: Binary;
}

export const f32: Float & {
  readonly equal: Binary;
  readonly fromF64: Unary;
  readonly fromI32: Unary;
  /** The float of these bits. */
  readonly reinterpretI32: Unary;
  readonly load: Load;
  readonly store: Store;
} = {
  const: (value) => [0x43, ...floatBytes(Float32Array.of(value))],
  add: binary(0x92),
  sub: binary(0x93),
  mul: binary(0x94),
  equal: binary(0x5b),
  fromF64: unary(0xb6),
  fromI32: unary(0xb2),
  reinterpretI32: unary(0xbe),
  load: load([0x2a], 2),
  store: store([0x38], 2),
};

interface Double extends Float {
  readonly div: Binary;
  readonly sqrt: Unary;
  readonly fromF32: Unary;
  readonly fromI32: Unary;
  readonly load: Load;
  readonly store: Store;
}

export const f64: Double = {
  const: (value) => [0x44, ...floatBytes(Float64Array.of(value))],
  add: binary(0xa0),
  sub: binary(0xa1),
  mul: binary(0xa2),
  div: binary(0xa3),
  sqrt: unary(0x9f),
  fromF32: unary(0xbb),
  fromI32: unary(0xb7),
  load: load([0x2b], 3),
  store: store([0x39], 3),
};

interface Vector {
  readonly load: Load;
  /** One float from memory in all four lanes. */
  readonly loadSplat: Load;
  readonly store: Store;
  readonly zero: Code;
  readonly and: Binary;
  /** a and not b. */
  readonly andNot: Binary;
  readonly or: Binary;
  /** Bits of a where the mask is set, else of b. */
  readonly select: (a: Code, b: Code, mask: Code) => Code;
}

export const v128: Vector = {
  load: load(simd(0x00), 2),
  loadSplat: load(simd(0x09), 2),
  store: store(simd(0x0b), 2),
  zero: [...simd(0x0c), ...Array.from<number>({ length: 16 }).fill(0)],
  and: binary(...simd(0x4e)),
  andNot: binary(...simd(0x4f)),
  or: binary(...simd(0x50)),
  select: (a, b, mask) => [...a, ...b, ...mask, ...simd(0x52)],
};

interface FloatVector {
  readonly splat: Unary;
  readonly lane: (a: Code, lane: number) => Code;
  readonly add: Binary;
  readonly sub: Binary;
  readonly mul: Binary;
  readonly div: Binary;
  readonly neg: Unary;
  readonly sqrt: Unary;
  /** NaN if either is NaN. */
  readonly max: Binary;
  /** a < b ? b : a, which takes one instruction where `max` takes many. */
  readonly larger: Binary;
  readonly equal: Binary;
  readonly notEqual: Binary;
  readonly lessThan: Binary;
  readonly greaterThan: Binary;
}

export const f32x4: FloatVector = {
  splat: unary(...simd(0x13)),
  lane: (a, lane) => [...a, ...simd(0x1f), lane],
  add: binary(...simd(0xe4)),
  sub: binary(...simd(0xe5)),
  mul: binary(...simd(0xe6)),
  div: binary(...simd(0xe7)),
  neg: unary(...simd(0xe1)),
  sqrt: unary(...simd(0xe3)),
  max: binary(...simd(0xe9)),
  larger: binary(...simd(0xeb)),
  equal: binary(...simd(0x41)),
  notEqual: binary(...simd(0x42)),
  lessThan: binary(...simd(0x43)),
  greaterThan: binary(...simd(0x44)),
};

/** Two roundings, or one by relaxed SIMD where the engine fuses it. */
export type Kernels = 'plain' | 'relaxed';

/** a b + c in every lane. */
export type MultiplyAdd = (a: Code, b: Code, c: Code) => Code;

/** Relaxed SIMD: f32x4.relaxed_madd of the WebAssembly proposal of that name, which leaves it to the machine whether it rounds once. */
export const multiplyAdds: Readonly<Record<Kernels, MultiplyAdd>> = {
  plain: (a, b, c) => f32x4.add(c, f32x4.mul(a, b)),
  relaxed: (a, b, c) => [...a, ...b, ...c, ...simd(0x105)],
};

interface DoubleVector {
  /** The two lower lanes of four floats. */
  readonly fromLow: Unary;
  /** Two floats, in the lower lanes; the others are 0. */
  readonly toLow: Unary;
  readonly lane: (a: Code, lane: number) => Code;
  readonly add: Binary;
}

export const f64x2: DoubleVector = {
  fromLow: unary(...simd(0x5f)),
  toLow: unary(...simd(0x5e)),
  lane: (a, lane) => [...a, ...simd(0x21), lane],
  add: binary(...simd(0xf0)),
};

interface IntegerVector {
  readonly const: (...lanes: readonly [number, number, number, number]) => Code;
  readonly splat: Unary;
  readonly lane: (a: Code, lane: number) => Code;
  readonly add: Binary;
  /** By a number of bits. */
  readonly shl: Binary;
  readonly lessThanUnsigned: Binary;
  /** 1 if no lane is 0, else 0. */
  readonly allTrue: Unary;
  /** Towards zero, saturating. */
  readonly fromF32: Unary;
  /** As floats. */
  readonly toF32: Unary;
}

export const i32x4: IntegerVector = {
  const: (...lanes) => [...simd(0x0c), ...new Uint8Array(Int32Array.from(lanes).buffer)],
  splat: unary(...simd(0x11)),
  lane: (a, lane) => [...a, ...simd(0x1b), lane],
  add: binary(...simd(0xae)),
  shl: binary(...simd(0xab)),
  lessThanUnsigned: binary(...simd(0x3a)),
  allTrue: unary(...simd(0xa3)),
  fromF32: unary(...simd(0xf8)),
  toF32: unary(...simd(0xfa)),
};

/** Lanes of a and b by their numbers: 0 to 3 are a's, 4 to 7 b's. */
export function shuffle(a: Code, b: Code, lanes: readonly [number, number, number, number]): Code {
  return [...a, ...b, ...simd(0x0d), ...lanes.flatMap((lane) => [4 * lane, 4 * lane + 1, 4 * lane + 2, 4 * lane + 3])];
}

/** Runs the body if the condition is not 0. */
export function when(condition: Code, body: Code, otherwise: Code = []): Code {
  return [...condition, 0x04, 0x40, ...body, ...(otherwise.length > 0 ? [0x05, ...otherwise] : []), 0x0b];
}

/** Runs the body once, then again while the condition is not 0. */
export function doWhile(body: Code, condition: Code): Code {
  return [0x03, 0x40, ...body, ...condition, 0x0d, 0, 0x0b];
}

/** a if the condition is not 0, else b; both are computed. */
export function choose(a: Code, b: Code, condition: Code): Code {
  return [...a, ...b, ...condition, 0x1b];
}

/** memory.fill: `bytes` zero bytes from `address` on. */
export function zeroFill(address: Code, bytes: Code): Code {
  return [...address, ...i32.const(0), ...bytes, 0xfc, 11, 0];
}
