/** @file What cpu() says where WebAssembly is not there, has no SIMD, or may not be compiled. */
import { afterEach, expect, it, onTestFinished, vi } from 'vitest';
import { cpuLike } from '../../src/devices/cpu.ts';
import { cpu, type CpuOptions, OptionError, sum } from '../../src/index.ts';
import { hasRelaxed, KERNELS, RELAXED } from '../support/kernels.ts';

const NAMES = { plain: 'cpu float32 (WASM SIMD)', relaxed: 'cpu float32 (WASM relaxed SIMD)' };
/** What this engine runs unless asked. */
const DEFAULT = NAMES[RELAXED ? 'relaxed' : 'plain'];

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
  expect(cpu({ dtype: 'float32' }).name).toBe(DEFAULT);
});

/** An engine that does not know the instruction, or, with `twice`, one that has it and rounds the product before the sum. */
function withoutFusion(twice: boolean): void {
  const Instance = function Instance(_module: object, { reparam }: { reparam: { memory: WebAssembly.Memory } }): object {
    return { exports: { probe: (at: number) => new Float32Array(reparam.memory.buffer).fill(0, at / 4, at / 4 + 4) } };
  };
  globalThis.WebAssembly = {
    ...namesOf(engine),
    validate: (bytes: BufferSource) => (hasRelaxed(bytes) ? twice : engine.validate(bytes)),
    ...(twice && { Module: function Module(): void {}, Instance }),
  } as unknown as typeof WebAssembly;
}

it.each([false, true])('without an instruction that rounds once (there, but rounding twice: %s) the kernels are plain', (twice) => {
  withoutFusion(twice);
  expect(cpu({ dtype: 'float32' }).name).toBe(NAMES.plain);
  expect(cpu({ dtype: 'float32', kernels: 'plain' }).name).toBe(NAMES.plain);
  expect(() => cpu({ dtype: 'float32', kernels: 'relaxed' })).toThrow(/no relaxed SIMD that rounds once .*kernels: 'plain'/);
  expect(cpuLike(NAMES.relaxed).name).toBe(NAMES.plain);
});

it('the device is named by its kernels, and one like it has the same', () => {
  for (const kernels of KERNELS.filter((k) => k === 'plain' || RELAXED)) {
    expect(cpu({ dtype: 'float32', kernels }).name).toBe(NAMES[kernels]);
    expect(cpuLike(NAMES[kernels]).name).toBe(NAMES[kernels]);
  }
  for (const other of [undefined, 'NVIDIA H100', 'cpu float64']) expect(cpuLike(other).name).toBe(DEFAULT);
});

it.each([
  [{ dtype: 'float32', kernels: 'fast' }, /kernels fast must be 'plain' or 'relaxed'/],
  [{ dtype: 'float64', kernels: 'plain' }, /kernels 'plain' are of dtype 'float32' with SIMD/],
  [{ dtype: 'float32', simd: false, kernels: 'relaxed' }, /kernels 'relaxed' are of dtype 'float32' with SIMD/],
] as const)('%o is refused in one line', (options, why) => {
  expect(() => cpu(options as CpuOptions)).toThrow(OptionError);
  expect(() => cpu(options as CpuOptions)).toThrow(why);
});

it.each([0, 1.5, 1000, NaN, '2'])('threads: %s is refused by name', (threads) => {
  expect(() => cpu({ dtype: 'float32', threads: threads as number })).toThrow(OptionError);
  expect(() => cpu({ dtype: 'float32', threads: threads as number })).toThrow(
    /cpu: threads .* must be a whole number from 1 to 32/,
  );
});

it('the environment says how many threads there are by default, and is refused by name where it says nonsense', () => {
  const before = process.env['REPARAM_THREADS'];
  onTestFinished(() => void (process.env['REPARAM_THREADS'] = before));
  process.env['REPARAM_THREADS'] = 'many';
  expect(() => cpu({ dtype: 'float32' })).toThrow(/the environment variable REPARAM_THREADS, many, must be/);
  // Plain loops have one thread, but the name is looked at.
  expect(() => cpu()).toThrow(/REPARAM_THREADS/);
  expect(cpu({ dtype: 'float32', threads: 2 }).dtype).toBe('float32');
});

it('a page that is not cross-origin isolated has one thread, which is said once', () => {
  const said = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
  vi.stubGlobal('crossOriginIsolated', false);
  onTestFinished(() => {
    vi.unstubAllGlobals();
    said.mockRestore();
  });
  for (let i = 0; i < 3; i++) cpu({ dtype: 'float32', threads: 4 }).destroy();
  expect(said).toHaveBeenCalledTimes(1);
  expect(String(said.mock.calls[0]![0])).toMatch(
    /one thread: this page is not cross-origin isolated.*Cross-Origin-Embedder-Policy/,
  );
});
