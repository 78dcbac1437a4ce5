/** @file The shader build: includes, loops, named operations and uniforms, and what it refuses, by file and line. */
import { describe, expect, it } from 'vitest';
import { compileShader, moduleOf, WgslError } from '../../scripts/wgsl.mjs';

/** Compiles `main.wgsl` of some files. */
function compile(main: string, others: Readonly<Record<string, string>> = {}): ReturnType<typeof compileShader> {
  const files: Readonly<Record<string, string>> = { 'main.wgsl': main, ...others };
  return compileShader('main.wgsl', (file) => files[file]);
}

const codeOf = (...args: Parameters<typeof compile>): string[] =>
  compile(...args)
    .code.trimEnd()
    .split('\n');

describe('loops', () => {
  it('repeat their lines, one in another, with arithmetic', () => {
    expect(
      codeOf('//#for i in 0..2 {\n//#for j in 1..3 {\ns${4 * i + j} = ${max(i, 1)} ${(i + j) % 2} ${min(i, j) - 1};\n//#}\n//#}'),
    ).toEqual(['s1 = 1 1 -1;', 's2 = 1 0 -1;', 's5 = 1 0 0;', 's6 = 1 1 0;']);
  });

  it('go over words and their places, and over nothing', () => {
    expect(codeOf('//#for c, i in x y {\nv${i} = v.${c};\n//#}\n//#for i in 3..3 {\nnever\n//#}\nend')).toEqual([
      'v0 = v.x;',
      'v1 = v.y;',
      'end',
    ]);
  });

  it('have bounds that are reckoned', () => {
    expect(codeOf('//#for n in 1..3 {\n//#for i in 0..${n} {\n${n}${i}\n//#}\n//#}')).toEqual(['10', '20', '21']);
  });
});

describe('includes', () => {
  it('see the names that they are given and no other', () => {
    const part = { 'shared/part.wgsl': 'let ${NAME}: ${TYPE} = f(1, 2);' };
    expect(codeOf('//#include "shared/part.wgsl" with NAME = a, TYPE = array<f32, 2>', part)).toEqual([
      'let a: array<f32, 2> = f(1, 2);',
    ]);
    expect(() => compile('//#for i in 0..1 {\n//#include "part.wgsl"\n//#}', { 'part.wgsl': '\n${i}' })).toThrow(
      'shaders/part.wgsl:2: ${i}: there is no i here',
    );
  });
});

describe('comments', () => {
  it('are left out with indentation and empty lines, and each line left knows where it came from', () => {
    const part = { 'part.wgsl': '// what it is for\n\n  let b = 2; // two\n' };
    const { code, lines } = compile('// head\nfn f() {\n  let a = 6 / 3;\n//#include "part.wgsl"\n}\n', part);
    expect(code).toBe('fn f() {\nlet a = 6 / 3;\nlet b = 2;\n}\n');
    expect(lines.map(({ file, line }) => `${file}:${line}`)).toEqual(['main.wgsl:2', 'main.wgsl:3', 'part.wgsl:3', 'main.wgsl:5']);
  });

  it('of the other form are refused', () => {
    expect(() => compile('\n/* a */ let b = 1;')).toThrow('shaders/main.wgsl:2: a comment starts with //');
  });
});

describe('operations', () => {
  it('get numbers in the order of the arms; the last may be the default', () => {
    const { code, operations } = compile('//#operations {\ncase neg { a }\ncase exp { b }\ndefault log { c }\n//#}');
    expect(operations).toEqual({ neg: 0, exp: 1, log: 2 });
    expect(code).toBe('case 0 { a }\ncase 1 { b }\ndefault { c }\n');
  });
});

describe('uniforms', () => {
  it('are named and typed in the order of the struct', () => {
    const shader = compile(
      'struct P {\n  sizes: array<vec4u, 2>, // a comment: n\n  n: u32, x: f32,\n}\n@group(0) @binding(0) var<uniform> p: P;\noverride OP: u32 = 0;\n@compute @workgroup_size(64)\nfn main() {}',
    );
    expect(Object.entries(shader.uniforms)).toEqual([
      ['sizes', 'array<vec4u,2>'],
      ['n', 'u32'],
      ['x', 'f32'],
    ]);
    expect([shader.entryPoints, shader.overrides]).toEqual([['main'], ['OP']]);
    expect(moduleOf([shader])).toContain("uniforms: { sizes: 'array<vec4u,2>', n: 'u32', x: 'f32' }");
  });
});

const struct = (members: string): string => `struct P {\n${members}\n}\n@group(0) @binding(0) var<uniform> p: P;`;

it.each([
  ['a missing file', 'x\n//#include "no.wgsl"', 'shaders/main.wgsl:2: there is no shaders/no.wgsl'],
  ['an include that names no file', '//#include no', 'shaders/main.wgsl:1: an include reads'],
  ['an argument without a value', '//#include "a.wgsl" with A', "shaders/main.wgsl:1: 'A' does not read"],
  ['a loop that is not closed', 'x\n//#for i in 0..2 {\ny', 'shaders/main.wgsl:2: //#for i in 0..2 { has no //#}'],
  ['a loop without bounds', '//#for i {\n//#}', 'shaders/main.wgsl:1: a loop reads'],
  ['a close without a loop', 'x\n\n//#}', 'shaders/main.wgsl:3: //#} closes nothing'],
  ['an unknown directive', '//#if x', 'shaders/main.wgsl:1: //#if x is no directive'],
  ['an unknown name', '\n${k}', 'shaders/main.wgsl:2: ${k}: there is no k here'],
  ['arithmetic with a word', '//#for c in x {\n${c + 1}\n//#}', "shaders/main.wgsl:2: ${c + 1}: c is 'x', not a whole number"],
  [
    'an operation that is named twice',
    '//#operations {\ncase a {}\ncase a {}\n//#}',
    'shaders/main.wgsl:3: the operation a is named twice',
  ],
  ['a uniform that would need padding', struct('n: u32,\nv: vec4u,'), 'shaders/main.wgsl:3: the uniform v would need padding'],
  ['a uniform of a type without a layout', struct('n: u32,\nm: mat2x2f,'), 'shaders/main.wgsl:3: the uniform m is mat2x2f'],
  ['uniforms without their struct', '\n@group(0) @binding(0) var<uniform> p: P;', 'shaders/main.wgsl:2: there is no struct P'],
])('%s is refused with file and line', (_, main, message) => {
  expect(() => compile(main)).toThrow(WgslError);
  expect(() => compile(main)).toThrow(message);
});

it('a circle of includes is refused where it closes', () => {
  const files = { 'a.wgsl': '\n//#include "b.wgsl"', 'b.wgsl': '//#include "a.wgsl"' };
  expect(() => compile('//#include "a.wgsl"', files)).toThrow(
    'shaders/b.wgsl:1: circle of includes: main.wgsl > a.wgsl > b.wgsl > a.wgsl',
  );
});
