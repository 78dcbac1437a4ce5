/** @file Launches of the shaders in shaders/ with everything by name: what is missing, misspelt or too many does not compile. */
import { f32Bits, type WgslKernel } from '../../../contract/backend.ts';
import { OptionError } from '../../../contract/errors.ts';

/** A shader as scripts/shaders.mjs makes it. */
export interface Shader {
  /** Its path in shaders/ without the ending, which also names its kernels. */
  readonly name: string;
  readonly code: string;
  /** WGSL types of the uniforms, in the order of the struct. */
  readonly uniforms: Readonly<Record<string, string>>;
  readonly entryPoints: readonly string[];
  readonly overrides: readonly string[];
}

/** A number for a scalar; all numbers in a row for vectors and arrays of them. */
type UniformValue<Type> = Type extends 'u32' | 'i32' | 'f32' ? number : readonly number[];

/** The values of a shader's uniforms. */
export type Uniforms<S extends Shader> = { readonly [Name in keyof S['uniforms']]: UniformValue<S['uniforms'][Name]> };

/** Nothing that the shader has not: a spread object is not checked for that by TypeScript itself. */
type NoOthers<Given, S extends Shader> = { readonly [Name in Exclude<keyof Given, keyof S['uniforms']>]: never };

interface Launch<S extends Shader, Given> {
  /** Needed where the shader has several. */
  readonly entryPoint?: S['entryPoints'][number];
  /** Values of `override` constants; those not given have the shader's own. */
  readonly constants?: { readonly [Name in S['overrides'][number]]?: number };
  readonly uniforms: Given & NoOthers<Given, S>;
  readonly workgroups: readonly [number, number, number];
}

/** The kernel that launches a shader. */
export function kernelOf<S extends Shader, Given extends Uniforms<S>>(shader: S, launch: Launch<S, Given>): WgslKernel {
  const { entryPoint, constants, uniforms, workgroups } = launch;
  return {
    kind: 'wgsl',
    name: shader.name,
    code: shader.code,
    ...(entryPoint !== undefined && { entryPoint }),
    // What is not given is not there: TypeScript cannot say that of a type that it has not seen yet.
    ...(constants && { constants: constants as Readonly<Record<string, number>> }),
    uniforms: packUniforms(shader, uniforms),
    workgroups,
  };
}

/**
 * The words of a shader's uniforms, one after another: its build refuses a struct that would need padding between them. A whole number is
 * a word as it is, an f32 is its bits.
 */
export function packUniforms<S extends Shader>(shader: S, values: Uniforms<S>): number[] {
  const words: number[] = [];
  const types: Readonly<Record<string, string>> = shader.uniforms;
  const given: Readonly<Record<string, number | readonly number[]>> = values;
  for (const name in types) {
    const { size, isFloat } = layoutOf(types[name]!);
    const value = given[name];
    const numbers = typeof value === 'number' ? [value] : (value ?? []);
    if (numbers.length !== size) {
      throw new OptionError(
        `${shader.name}: the uniform ${name} is ${types[name]} and takes ${size} numbers, got ${numbers.length}`,
      );
    }
    for (const number of numbers) words.push(isFloat ? f32Bits(number) : number);
  }
  return words;
}

interface TypeLayout {
  /** Words of 32 bits. */
  readonly size: number;
  readonly isFloat: boolean;
}

const layouts = new Map<string, TypeLayout>();

/** The layout of `u32`, `vec4f` or `array<vec4u,2>`, read once. */
function layoutOf(type: string): TypeLayout {
  let layout = layouts.get(type);
  if (!layout) {
    const parts = /^(?:array<)?(?:vec([24]))?([iuf])(?:32)?(?:,(\d+)>)?$/.exec(type);
    if (!parts) throw new OptionError(`a uniform of type ${type} cannot be laid out`);
    const [, width = '1', scalar, count = '1'] = parts;
    layout = { size: Number(width) * Number(count), isFloat: scalar === 'f' };
    layouts.set(type, layout);
  }
  return layout;
}
