/** @file What cpu() says where WebAssembly is not there, has no SIMD, or may not be compiled. */
import { afterEach, expect, it } from 'vitest';
import { cpu, OptionError, sum } from '../../src/index.ts';

const engine = globalThis.WebAssembly;
afterEach(() => {
  globalThis.WebAssembly = engine;
});

/** An engine whose policy forbids compiling: Chromium validates there, but throws from the constructor. */
function forbid(): void {
  const Module = function Module(): never {
    throw new engine.CompileError("violates the following Content Security policy directive: script-src 'self'");
  };
  globalThis.WebAssembly = { ...namesOf(engine), Module } as unknown as typeof WebAssembly;
}

function namesOf(source: object): Record<string, unknown> {
  return Object.fromEntries(Object.getOwnPropertyNames(source).map((name) => [name, Reflect.get(source, name)]));
}

it('a policy that forbids WebAssembly is one typed line at once, with the three ways out', () => {
  forbid();
  let error: unknown;
  try {
    cpu({ dtype: 'float32' });
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toBeInstanceOf(OptionError);
  const { message } = error as OptionError;
  for (const part of ["'wasm-unsafe-eval'", 'simd: false', 'webgpu()', "script-src 'self'"]) expect(message).toContain(part);
  expect(message).not.toContain('\n');
});

it('plain loops and float64 do not ask', async () => {
  forbid();
  for (const device of [cpu(), cpu({ dtype: 'float32', simd: false })]) {
    expect([...(await sum(device.tensor([1, 2, 3])).data())]).toEqual([6]);
  }
});

it('an engine without WebAssembly or without SIMD runs the plain loops', () => {
  globalThis.WebAssembly = { ...namesOf(engine), validate: () => false } as unknown as typeof WebAssembly;
  expect(cpu({ dtype: 'float32' }).name).toBe('cpu float32');
  globalThis.WebAssembly = undefined as unknown as typeof WebAssembly;
  expect(cpu({ dtype: 'float32' }).name).toBe('cpu float32');
  globalThis.WebAssembly = engine;
  expect(cpu({ dtype: 'float32' }).name).toBe('cpu float32 (WASM SIMD)');
});
