/**
 * @file Batch normalisation as SIMD kernels, channel by channel, so that a channel stays in cache between the passes.
 *
 * Forward: y = weight (x - mean) r + bias, r = 1 / sqrt(var + eps), in two passes for the statistics. Backward, with z = (x - mean) r:
 * dx = weight r (g - mean(g) - z mean(g z)), dweight = sum g z, dbias = sum g.
 */
import { type FunctionWriter, type Local, ModuleWriter, type WasmModule } from '../runtime/assembler.ts';
import { choose, type Code, f32, f32x4, f64, i32, v128, when } from '../runtime/instructions.ts';
import { SINGLE, sumRow, VECTOR, type Width } from './reduce.ts';

/** Runs `row` for each image, `at` being the byte offset of the channel in it. */
function eachImage(f: FunctionWriter, at: Local, start: Code, images: Local, step: Local, row: Code): Code {
  const n = f.i32();
  return [...at.set(start), ...f.loop(n, i32.const(0), images.get, 1, [...row, ...at.advance(step.get)])];
}

/** y[i] = value(i) for a row of `bytes` bytes; a row of four or more ends with a vector that overlaps the one before. */
export function mapRow(f: FunctionWriter, y: Code, bytes: Local, value: (offset: Code, width: Width) => Code): Code {
  const { i, last } = f.locals('i32', 'i last');
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

/** The number at a pointer, or `otherwise` where the pointer is 0. */
function optional(pointer: Local, otherwise: number): Code {
  return choose(f32.load(pointer.get), f32.const(otherwise), pointer.get);
}

/**
 * `forward(x, weight, bias, y, statistics, images, channels, count, bytes, eps)`; weight and bias may be 0.
 * `backward(g, x, weight, statistics, dx, dweight, dbias, images, channels, count, bytes, eps)`; weight, dweight and dbias may be 0.
 * `count` channels from those that the pointers are at, of images of `channels`.
 */
export function batchNormModule(): WasmModule<'forward' | 'backward'> {
  const module = new ModuleWriter('forward', 'backward');
  const forward = 'x weight bias y statistics images channels count bytes eps:f64';
  module.add('forward', forward, (f, { x, weight, bias, y, statistics, images, channels, count, bytes, eps }) => {
    const { c, at, step, start } = f.locals('i32', 'c at step start');
    const { total, size } = f.locals('f64', 'total size');
    const { mean, scale, shift } = f.locals('v128', 'mean scale shift');
    const element = (base: Local, offset: Code): Code => i32.add(i32.add(base.get, at.get), offset);
    const centred = (offset: Code, width: Width): Code => width.sub(width.load(element(x, offset)), width.same(mean));
    const overImages = (row: Code): Code => eachImage(f, at, start.get, images, step, row);
    return [
      ...step.set(i32.mul(channels.get, bytes.get)),
      ...size.set(f64.fromI32(i32.mul(images.get, i32.shr(bytes.get, i32.const(2))))),
      ...f.loop(c, i32.const(0), count.get, 1, [
        ...total.set(f64.const(0)),
        ...overImages(sumRow(f, [total], bytes.get, (offset, width) => [width.load(element(x, offset))])),
        ...mean.set(toVector(f64.div(total.get, size.get))),
        ...f32.store(statistics.get, f32x4.lane(mean.get, 0)),
        ...total.set(f64.const(0)),
        ...overImages(
          sumRow(f, [total], bytes.get, (offset, width) => [width.mul(centred(offset, width), centred(offset, width))]),
        ),
        ...total.set(f64.div(total.get, size.get)),
        ...f32.store(i32.add(statistics.get, i32.shl(channels.get, i32.const(2))), f32.fromF64(total.get)),
        ...scale.set(toVector(f64.div(f64.fromF32(optional(weight, 1)), f64.sqrt(f64.add(total.get, eps.get))))),
        ...shift.set(f32x4.splat(optional(bias, 0))),
        ...overImages(
          mapRow(f, i32.add(y.get, at.get), bytes, (offset, width) =>
            width.add(width.mul(centred(offset, width), width.same(scale)), width.same(shift)),
          ),
        ),
        ...[statistics, weight, bias].flatMap(nextNumber),
        ...start.advance(bytes.get),
      ]),
    ];
  });
  const backward = 'g x weight statistics dx dweight dbias images channels count bytes eps:f64';
  module.add('backward', backward, (f, { g, x, weight, statistics, dx, dweight, dbias, images, channels, count, bytes, eps }) => {
    const { c, at, step, start } = f.locals('i32', 'c at step start');
    const { sum, product, size, inverse } = f.locals('f64', 'sum product size inverse');
    const { centre, mean, slope, scale } = f.locals('v128', 'centre mean slope scale');
    const element = (base: Local, offset: Code): Code => i32.add(i32.add(base.get, at.get), offset);
    const centred = (offset: Code, width: Width): Code => width.sub(width.load(element(x, offset)), width.same(centre));
    const overImages = (row: Code): Code => eachImage(f, at, start.get, images, step, row);
    const variance = f32.load(i32.add(statistics.get, i32.shl(channels.get, i32.const(2))));
    return [
      ...step.set(i32.mul(channels.get, bytes.get)),
      ...size.set(f64.fromI32(i32.mul(images.get, i32.shr(bytes.get, i32.const(2))))),
      ...f.loop(c, i32.const(0), count.get, 1, [
        ...centre.set(v128.loadSplat(statistics.get)),
        ...inverse.set(f64.div(f64.const(1), f64.sqrt(f64.add(f64.fromF32(variance), eps.get)))),
        ...sum.set(f64.const(0)),
        ...product.set(f64.const(0)),
        ...overImages(
          sumRow(f, [sum, product], bytes.get, (offset, width) => {
            const cotangent = width.load(element(g, offset));
            return [cotangent, width.mul(cotangent, centred(offset, width))];
          }),
        ),
        ...when(dbias.get, f32.store(dbias.get, f32.fromF64(sum.get))),
        ...when(dweight.get, f32.store(dweight.get, f32.fromF64(f64.mul(product.get, inverse.get)))),
        ...mean.set(toVector(f64.div(sum.get, size.get))),
        ...slope.set(toVector(f64.div(f64.mul(product.get, f64.mul(inverse.get, inverse.get)), size.get))),
        ...scale.set(toVector(f64.mul(f64.fromF32(optional(weight, 1)), inverse.get))),
        ...overImages(
          mapRow(f, i32.add(dx.get, at.get), bytes, (offset, width) =>
            width.mul(
              width.sub(
                width.sub(width.load(element(g, offset)), width.same(mean)),
                width.mul(centred(offset, width), width.same(slope)),
              ),
              width.same(scale),
            ),
          ),
        ),
        ...[statistics, weight, dweight, dbias].flatMap(nextNumber),
        ...start.advance(bytes.get),
      ]),
    ];
  });
  return module.assemble();
}

/** Moves a pointer to the next float32, but leaves 0 alone. */
function nextNumber(pointer: Local): Code {
  return when(pointer.get, pointer.advance(4));
}

/** `update(batch, running, bytes, kept, ofMean, ofVariance)`: rows of means and of variances, each of so many bytes. */
export function runningModule(): WasmModule<'update'> {
  const module = new ModuleWriter('update');
  const parameters = 'batch running bytes kept:f32 ofMean:f32 ofVariance:f32';
  module.add('update', parameters, (f, { batch, running, bytes, kept, ofMean, ofVariance }) => {
    const i = f.i32();
    const row = (rate: Local): Code => {
      const target = i32.add(running.get, i.get);
      const old = f32.mul(f32.load(target), kept.get);
      return f.loop(
        i,
        i32.const(0),
        bytes.get,
        4,
        f32.store(target, f32.add(old, f32.mul(f32.load(i32.add(batch.get, i.get)), rate.get))),
      );
    };
    return [...row(ofMean), ...batch.advance(bytes.get), ...running.advance(bytes.get), ...row(ofVariance)];
  });
  return module.assemble();
}
