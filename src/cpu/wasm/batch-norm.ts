/**
 * @file Batch normalisation as SIMD kernels, channel by channel, so that a channel's planes stay in cache between the passes.
 *
 * Forward: y = (x - mean) r, r = 1 / sqrt(var + eps), in two passes for the statistics. Backward, from y and the statistics alone:
 * dx = r (g - mean(g) - y mean(g y)).
 */
import { type FunctionWriter, type Local, ModuleWriter } from './assembler.ts';
import { type Code, f32, f32x4, f64, i32, v128, when } from './instructions.ts';
import { SINGLE, sumRow, VECTOR, type Width } from './reduction.ts';

/** Runs `row` for each image, `at` being the byte offset of the channel's plane. */
function eachPlane(f: FunctionWriter, at: Local, start: Code, images: Local, step: Local, row: Code): Code {
  const n = f.i32();
  return [...at.set(start), ...f.loop(n, i32.const(0), images.get, 1, [...row, ...at.advance(step.get)])];
}

/** y[i] = value(i) for a row of `bytes` bytes; a row of four or more ends with a vector that overlaps the one before. */
function mapRow(f: FunctionWriter, y: Code, bytes: Local, value: (offset: Code, width: Width) => Code): Code {
  const [i, last] = [f.i32(), f.i32()];
  const vector = v128.store(i32.add(y, i.get), value(i.get, VECTOR));
  return when(
    i32.lessThan(bytes.get, i32.const(16)),
    f.loop(i, i32.const(0), bytes.get, 4, f32.store(i32.add(y, i.get), value(i.get, SINGLE))),
    [
      ...last.set(i32.sub(bytes.get, i32.const(16))),
      ...f.loop(i, i32.const(0), last.get, 16, vector),
      ...i.set(last.get),
      ...vector,
    ],
  );
}

/** Makes a float64 number a vector of float32. */
function toVector(value: Code): Code {
  return f32x4.splat(f32.fromF64(value));
}

export function batchNormModule(): Uint8Array<ArrayBuffer> {
  const module = new ModuleWriter();
  module.add('forward', ['i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'f64'], (f, x, y, statistics, images, channels, bytes, eps) => {
    const [c, at, step, start] = [f.i32(), f.i32(), f.i32(), f.i32()];
    const [total, count, centre] = [f.local('f64'), f.local('f64'), f.local('f64')];
    const [mean, scale] = [f.v128(), f.v128()];
    const element = (base: Local, offset: Code): Code => i32.add(i32.add(base.get, at.get), offset);
    const centred = (offset: Code, width: Width): Code => width.sub(width.load(element(x, offset)), width.same(mean));
    return [
      ...step.set(i32.mul(channels.get, bytes.get)),
      ...count.set(f64.fromI32(i32.mul(images.get, i32.shr(bytes.get, i32.const(2))))),
      ...f.loop(c, i32.const(0), channels.get, 1, [
        ...total.set(f64.const(0)),
        ...eachPlane(
          f,
          at,
          start.get,
          images,
          step,
          sumRow(f, [total], bytes.get, (offset, width) => [width.load(element(x, offset))]),
        ),
        ...centre.set(f64.div(total.get, count.get)),
        ...mean.set(toVector(centre.get)),
        ...f32.store(statistics.get, f32.fromF64(centre.get)),
        ...total.set(f64.const(0)),
        ...eachPlane(
          f,
          at,
          start.get,
          images,
          step,
          sumRow(f, [total], bytes.get, (offset, width) => [width.mul(centred(offset, width), centred(offset, width))]),
        ),
        ...total.set(f64.div(total.get, count.get)),
        ...f32.store(i32.add(statistics.get, i32.shl(channels.get, i32.const(2))), f32.fromF64(total.get)),
        ...scale.set(toVector(f64.div(f64.const(1), f64.sqrt(f64.add(total.get, eps.get))))),
        ...eachPlane(
          f,
          at,
          start.get,
          images,
          step,
          mapRow(f, i32.add(y.get, at.get), bytes, (offset, width) => width.mul(centred(offset, width), width.same(scale))),
        ),
        ...statistics.advance(4),
        ...start.advance(bytes.get),
      ]),
    ];
  });
  module.add(
    'backward',
    ['i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'f64'],
    (f, g, y, statistics, dx, images, channels, bytes, eps) => {
      const [c, at, step, start] = [f.i32(), f.i32(), f.i32(), f.i32()];
      const [sum, product, count] = [f.local('f64'), f.local('f64'), f.local('f64')];
      const [mean, slope, scale] = [f.v128(), f.v128(), f.v128()];
      const element = (base: Local, offset: Code): Code => i32.add(i32.add(base.get, at.get), offset);
      const variance = f32.load(i32.add(statistics.get, i32.shl(channels.get, i32.const(2))));
      return [
        ...step.set(i32.mul(channels.get, bytes.get)),
        ...count.set(f64.fromI32(i32.mul(images.get, i32.shr(bytes.get, i32.const(2))))),
        ...f.loop(c, i32.const(0), channels.get, 1, [
          ...sum.set(f64.const(0)),
          ...product.set(f64.const(0)),
          ...eachPlane(
            f,
            at,
            start.get,
            images,
            step,
            sumRow(f, [sum, product], bytes.get, (offset, width) => {
              const cotangent = width.load(element(g, offset));
              return [cotangent, width.mul(cotangent, width.load(element(y, offset)))];
            }),
          ),
          ...mean.set(toVector(f64.div(sum.get, count.get))),
          ...slope.set(toVector(f64.div(product.get, count.get))),
          ...scale.set(toVector(f64.div(f64.const(1), f64.sqrt(f64.add(f64.fromF32(variance), eps.get))))),
          ...eachPlane(
            f,
            at,
            start.get,
            images,
            step,
            mapRow(f, i32.add(dx.get, at.get), bytes, (offset, width) =>
              width.mul(
                width.sub(
                  width.sub(width.load(element(g, offset)), width.same(mean)),
                  width.mul(width.load(element(y, offset)), width.same(slope)),
                ),
                width.same(scale),
              ),
            ),
          ),
          ...statistics.advance(4),
          ...start.advance(bytes.get),
        ]),
      ];
    },
  );
  return module.bytes();
}
