/**
 * @file Random numbers by explicit key: Threefry-2x32 with 20 rounds, JAX's semantics (partitionable mode), no hidden state.
 *
 * A key is two 32-bit words. `split` and `foldIn` derive new keys; a key gives the same numbers every time, on every device.
 * Bits and uniforms can be made on a device; what goes through a logarithm (`normal`, `gumbel`) is computed in float64 on the
 * host and uploaded, so that a seed means the same samples on every adapter (WGSL's log may be off by 2^-21 near 1).
 * Keys and bits are JAX's, and a uniform is JAX's plus half a step of its grid (JAX includes 0); normal numbers are not JAX's.
 * Source: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
 */
import { apply } from './primitive.ts';
import type { Device } from './tensor.ts';
import { LimitError, OptionError } from '../contract/errors.ts';
import { checkInteger, checkShape, hostNumbers, type Shape, sizeOf } from '../contract/shape.ts';
import type { Tensor } from './tensor.ts';
import { type Key, threefry, toUniform } from '../contract/threefry.ts';

export { type Key, threefry, toUniform } from '../contract/threefry.ts';

/** A key from a seed: an integer in [0, 2^53). */
export function key(seed: number): Key {
  checkInteger('key', 'seed', seed, 0);
  return [Math.floor(seed / 2 ** 32), seed >>> 0];
}

/** A new key from a key and an integer in [0, 2^32): a step, an edge, a purpose. */
export function foldIn(k: Key, data: number): Key {
  if (!Number.isInteger(data) || data < 0 || data >= 2 ** 32)
    throw new OptionError(`foldIn: ${data} must be an integer in [0, 2^32)`);
  return threefry(k, 0, data);
}

/** `count` independent keys: split(k, n)[i] is foldIn(k, i). */
export function split(k: Key, count = 2): Key[] {
  checkInteger('split', 'count', count, 0, 2 ** 32);
  return Array.from({ length: count }, (_, i) => foldIn(k, i));
}

/** Random 32-bit words: word i is y0 ^ y1 of threefry(key, 0, i), as JAX's partitionable `random.bits`. */
export function bits(k: Key, length: number): Uint32Array<ArrayBuffer> {
  checkInteger('bits', 'length', length, 0, 2 ** 32);
  const out = words('bits', length);
  for (let i = 0; i < length; i++) {
    const [a, b] = threefry(k, 0, i);
    out[i] = a ^ b;
  }
  return out;
}

/** Room for words on the host, or a LimitError. */
function words(op: string, length: number): Uint32Array<ArrayBuffer> {
  try {
    return new Uint32Array(length);
  } catch (cause) {
    throw new LimitError(`${op}: the host has no memory for ${length} words`, { cause });
  }
}

/** Uniform numbers in (0, 1) on the host. */
export function uniforms(k: Key, length: number): Float64Array<ArrayBuffer> {
  return Float64Array.from(bits(k, length), toUniform);
}

/** Standard normal numbers on the host, by Box and Muller from both words of each counter. */
export function normals(k: Key, length: number): Float64Array<ArrayBuffer> {
  checkInteger('normals', 'length', length, 0, 2 ** 32);
  const out = hostNumbers('normals', length, () => 0);
  for (let i = 0; i < length; i++) {
    const [a, b] = threefry(k, 0, i);
    out[i] = Math.sqrt(-2 * Math.log(toUniform(a))) * Math.cos(2 * Math.PI * toUniform(b));
  }
  return out;
}

/** Standard Gumbel numbers -log(-log u) on the host, from -2.82 to 45: see `gumbelOf`. */
export function gumbels(k: Key, length: number): Float64Array<ArrayBuffer> {
  const out = new Float64Array(length);
  for (let i = 0; i < length; i++) {
    const [a, b] = threefry(k, 0, i);
    out[i] = gumbelOf((a ^ b) >>> 0, b);
  }
  return out;
}

/**
 * The Gumbel number -log(-log u) of a word: u as in `uniforms`, but above 1 - 2^-16, where the steps of u would show, 1 - u has 48 more
 * bits, 16 of the word's own and those of `more`. So the upper tail follows the distribution down to events of probability 2^-56:
 * the rare class of `gumbelMax` is drawn as often as it should be.
 */
export function gumbelOf(word: number, more: number): number {
  if (word >>> 16 !== 0xffff) return -Math.log(-Math.log(toUniform(word)));
  const rest = (0xffff - (word & 0xffff)) * 2 ** 32 + (2 ** 32 - 1 - more) + 0.5;
  return -Math.log(-Math.log1p(-rest * 2 ** -64));
}

/** A permutation of 0..length-1 (Fisher and Yates). */
export function permutation(k: Key, length: number): Uint32Array<ArrayBuffer> {
  checkInteger('permutation', 'length', length, 0, 2 ** 32);
  const out = words('permutation', length);
  for (let i = 0; i < length; i++) out[i] = i;
  const drawn = bits(k, length);
  for (let i = length - 1; i > 0; i--) {
    // A 32-bit word scaled to i + 1 values: the bias is below (i + 1) 2^-32.
    const j = Math.floor((drawn[i]! / 2 ** 32) * (i + 1));
    const kept = out[i]!;
    out[i] = out[j]!;
    out[j] = kept;
  }
  return out;
}

/** A key as a tensor, uint32 [2]: what changes from step to step enters as a tensor. */
export function keyTensor(device: Device, k: Key): Tensor {
  return device.tensor(Uint32Array.of(k[0], k[1]), [2]);
}

/** Random words made on the device, uint32 of the given shape: the same as `bits` on the host. */
export function randomBits(keyWords: Tensor, shape: Shape): Tensor {
  checkShape('randomBits', shape);
  if (sizeOf(shape) > 2 ** 32) throw new OptionError(`randomBits: at most 2^32 words a key, asked for ${sizeOf(shape)}`);
  return apply('randomBits', {}, [keyWords], shape, [], 'uint32');
}

/** Uniform numbers in the open interval (0, 1), made on the device; `k` a key or a key tensor. */
export function uniform(device: Device, k: Key | Tensor, shape: Shape): Tensor {
  const words = randomBits('shape' in k ? k : keyTensor(device, k), shape);
  return apply('bitsToUniform', {}, [words], shape, [], device.dtype);
}

/** Standard normal numbers. */
export function normal(device: Device, k: Key, shape: Shape): Tensor {
  checkShape('normal', shape);
  return device.tensor(normals(k, sizeOf(shape)), shape);
}

/** Standard Gumbel numbers, the same on every device for a key. */
export function gumbel(device: Device, k: Key, shape: Shape): Tensor {
  checkShape('gumbel', shape);
  return device.tensor(gumbels(k, sizeOf(shape)), shape);
}
