/**
 * @file What threads share out: calls of WebAssembly functions, made for ranges of a kernel's outputs. A sum is never divided, so the
 * results have the same bits whatever the ranges are.
 */
import type { WasmFunction } from './linker.ts';

/** What lies in the heap while anyone holds it. */
export interface Held {
  hold(): void;
  release(): void;
}

/** One call. It writes outputs that no other call of its step writes. */
export interface Call {
  readonly run: WasmFunction;
  readonly parameters: readonly number[];
  /** Bytes that the function needs to itself for the time of the call: their address is its last parameter. 0: none. */
  readonly scratch: number;
  /** What the call reads beside its operands. */
  readonly plan?: Held;
}

/** Calls that may run in any order, or at once. */
export interface Calls {
  /** What they take together: bytes that are read and written, or what costs as much. */
  readonly cost: number;
  /** The calls, for at least so many ranges where there are so many outputs. Addresses are those of the moment. */
  readonly make: (ranges: number) => readonly Call[];
}

/** What one thread does by itself. */
export interface Alone {
  readonly run: () => void;
}

/** A part of a kernel's work, which comes after the parts before it. */
export type Step = Calls | Alone;

/** What computes a kernel's outputs, at once or at each replay of a captured step. */
export type Work = readonly Step[];

export function isAlone(step: Step): step is Alone {
  return 'run' in step;
}

export function call(run: WasmFunction, ...parameters: readonly number[]): Call {
  return { run, parameters, scratch: 0 };
}

/** A call to whose parameters the address of scratch memory is added. */
export function callWithScratch(scratch: number, run: WasmFunction, ...parameters: readonly number[]): Call {
  return { run, parameters, scratch };
}

/** Products that cost what a byte costs. */
const PRODUCTS_A_BYTE = 1;

/** What so many products cost. */
export function productCost(products: number): number {
  return products / PRODUCTS_A_BYTE;
}

/** The whole numbers below `count` in at most so many ranges of about the same size, each but the last a multiple of `unit`. */
export function ranges(count: number, most: number, unit: number = 1): readonly (readonly [from: number, to: number])[] {
  const units = Math.ceil(count / unit);
  const parts = Math.max(1, Math.min(most, units));
  const at = (part: number): number => Math.min(count, Math.floor((part * units) / parts) * unit);
  return Array.from({ length: parts }, (_, part) => [at(part), at(part + 1)] as const);
}

/** The work of one call for each range of `count` outputs, or rows or images of them. */
export function inRanges(cost: number, count: number, make: (from: number, to: number) => Call, unit: number = 1): Work {
  return [{ cost, make: (most) => ranges(count, most, unit).map(([from, to]) => make(from, to)) }];
}

/** Bytes of a cache line: two threads that write to one slow each other down. */
const LINE = 64;

/**
 * The work of a kernel that runs over `tensors` tensors of so many bytes in vectors from end to end; `make` gets where a range begins, in
 * bytes, and its length.
 */
export function overBytes(bytes: number, tensors: number, make: (from: number, bytes: number) => Call): Work {
  return inRanges(bytes * tensors, bytes, (from, to) => make(from, to - from), LINE);
}

/** Calls of several works, none of which reads or writes what another writes, as one step. */
export function together(steps: Work): Work {
  const calls = steps.filter((step): step is Calls => !isAlone(step));
  return [{ cost: calls.reduce((sum, { cost }) => sum + cost, 0), make: (most) => calls.flatMap(({ make }) => make(most)) }];
}
