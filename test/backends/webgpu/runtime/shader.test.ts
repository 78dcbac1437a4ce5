/** @file Uniforms by name: their words, and the launches that do not compile. */
import { describe, expect, it } from 'vitest';
import { f32Bits } from '../../../../src/contract/backend.ts';
import { kernelOf, packUniforms } from '../../../../src/backends/webgpu/runtime/shader.ts';

const shader = {
  name: 'test/shader',
  uniforms: { sizes: 'array<vec4u,2>', from: 'i32', n: 'u32', eps: 'f32', scale: 'vec4f' },
  entryPoints: ['forward', 'backward'],
  overrides: ['LANES'],
  code: '',
} as const;

const values = { sizes: [1, 2, 3, 4, 5, 6, 7, 8], from: -1, n: 9, eps: 1e-5, scale: [0.5, 1, 2, 4] };
const launch = { entryPoint: 'forward', workgroups: [1, 1, 1] } as const;

it('words follow the struct, whatever the order that they are given in, and f32 are their bits', () => {
  const { scale, n, ...others } = values;
  const words = [1, 2, 3, 4, 5, 6, 7, 8, -1, 9, f32Bits(1e-5), ...[0.5, 1, 2, 4].map(f32Bits)];
  expect(packUniforms(shader, { scale, n, ...others })).toEqual(words);
});

it('a vector or an array with another number of elements is refused', () => {
  expect(() => packUniforms(shader, { ...values, sizes: [1, 2] })).toThrow(
    'test/shader: the uniform sizes is array<vec4u,2> and takes 8 numbers, got 2',
  );
});

describe('a launch', () => {
  it('has the name of its shader', () => {
    const kernel = kernelOf(shader, { ...launch, constants: { LANES: 8 }, uniforms: values });
    expect([kernel.name, kernel.entryPoint, kernel.constants]).toEqual(['test/shader', 'forward', { LANES: 8 }]);
  });

  it('does not compile with a uniform missing, misspelt, too many or of another kind', () => {
    const { n: _, ...missing } = values;
    // @ts-expect-error n is missing
    expect(() => kernelOf(shader, { ...launch, uniforms: missing })).toThrow('the uniform n');
    // @ts-expect-error n is spelt m
    expect(() => kernelOf(shader, { ...launch, uniforms: { ...missing, m: 9 } })).toThrow('the uniform n');
    // @ts-expect-error there is no m
    kernelOf(shader, { ...launch, uniforms: { ...values, m: 9 } });
    const spread = { ...values, m: 9 };
    // @ts-expect-error nor in an object that is passed on
    kernelOf(shader, { ...launch, uniforms: spread });
    // @ts-expect-error a scalar is a number
    expect(() => kernelOf(shader, { ...launch, uniforms: { ...values, n: [9, 9] } })).toThrow('the uniform n');
  });

  it('does not compile with an entry point or a constant that the shader has not', () => {
    // @ts-expect-error there is no such entry point
    kernelOf(shader, { entryPoint: 'sideways', uniforms: values, workgroups: [1, 1, 1] });
    // @ts-expect-error there is no such constant
    kernelOf(shader, { ...launch, constants: { LANE: 8 }, uniforms: values });
    expect(shader.overrides).toEqual(['LANES']);
  });
});
