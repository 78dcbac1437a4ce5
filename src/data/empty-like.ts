/** @file An empty array of the numbers of another one. */

/** Zeros of the same type. A Buffer of Node's gives a plain Uint8Array: its own constructor ends in a warning on stderr. */
export function emptyLike<Elements extends { readonly [Symbol.toStringTag]: string }>(like: Elements, length: number): Elements {
  const Type = Reflect.get(globalThis, like[Symbol.toStringTag]) as new (length: number) => Elements;
  return new Type(length);
}
