/** @file What happens to a file or a text between its writer and its reader: arbitraries of damage, which shrink to the least of it. */
import fc from 'fast-check';

/** A place as a fraction of the length, so that a shrunk input keeps its place roughly. */
const place = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

/** Whole numbers at which readers of sizes, counts and offsets go wrong. */
const EDGES: readonly number[] = [
  0, 1, 2, 3, 7, 8, 9, 127, 128, 255, 256, 32767, 65535, 65536, 0x7fffffff, 0x80000000, 0xfffffff8, 0xffffffff,
];

type ByteEdit = (bytes: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>;

const byteEdit: fc.Arbitrary<ByteEdit> = fc.oneof(
  fc.tuple(place, fc.nat(7)).map(([at, bit]): ByteEdit => (b) => {
    const i = Math.floor(at * b.length);
    if (i < b.length) b[i]! ^= 1 << bit;
    return b;
  }),
  fc.tuple(place, fc.nat(255)).map(([at, value]): ByteEdit => (b) => {
    const i = Math.floor(at * b.length);
    if (i < b.length) b[i] = value;
    return b;
  }),
  // Headers stand at the start.
  fc.tuple(fc.nat(63), fc.constantFrom(...EDGES), fc.boolean()).map(([at, value, little]): ByteEdit => (b) => {
    if (at + 4 <= b.length) new DataView(b.buffer, b.byteOffset).setUint32(at, value, little);
    return b;
  }),
  place.map(
    (at): ByteEdit =>
      (b) =>
        b.slice(0, Math.floor(at * b.length)),
  ),
  fc.nat(16).map(
    (n): ByteEdit =>
      (b) =>
        b.slice(0, Math.max(0, b.length - n)),
  ),
  fc.uint8Array({ maxLength: 16 }).map(
    (more): ByteEdit =>
      (b) =>
        joined(b, Uint8Array.from(more)),
  ),
  fc.tuple(place, fc.uint8Array({ maxLength: 16 })).map(([at, more]): ByteEdit => (b) => {
    const i = Math.floor(at * b.length);
    return joined(b.slice(0, i), Uint8Array.from(more), b.slice(i));
  }),
  fc.tuple(place, place).map(([from, to]): ByteEdit => (b) => {
    const ends = [from, to].map((x) => Math.floor(x * b.length)).sort((x, y) => x - y);
    return joined(b.slice(0, ends[0]), b.slice(ends[1]));
  }),
  fc.constant((b: Uint8Array<ArrayBuffer>) => joined(b, b)),
);

/** Any of the files with 0 to 4 edits; now and then bytes that were never a file. */
export function damagedBytes(files: readonly Uint8Array[]): fc.Arbitrary<Uint8Array<ArrayBuffer>> {
  return fc.oneof(
    {
      weight: 20,
      arbitrary: fc
        .tuple(fc.nat(files.length - 1), fc.array(byteEdit, { maxLength: 4 }))
        .map(([i, edits]) => edits.reduce((bytes, edit) => edit(bytes), Uint8Array.from(files[i]!))),
    },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }).map((b) => Uint8Array.from(b)) },
  );
}

function joined(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Any of the texts with 0 to 4 edits: pieces cut, doubled, exchanged, and words of the reader's own put in; now and then any text. */
export function damagedText(texts: readonly string[], words: readonly string[]): fc.Arbitrary<string> {
  const word = fc.oneof(
    fc.constantFrom(...words),
    fc.constantFrom(...EDGES).map(String),
    fc.constantFrom('-1', '0.5', '1e400', 'NaN', '\0', '\u2028', '\ud800', '"', "'", '__proto__', '𝛼', ' '.repeat(50)),
    fc.string({ maxLength: 4 }),
  );
  const edit = fc.oneof(
    fc.tuple(place, word).map(
      ([at, w]) =>
        (s: string): string =>
          s.slice(0, at * s.length) + w + s.slice(at * s.length),
    ),
    fc.tuple(place, fc.nat(20)).map(
      ([at, n]) =>
        (s: string): string =>
          s.slice(0, at * s.length) + s.slice(at * s.length + n),
    ),
    fc.tuple(place, fc.nat(20), word).map(
      ([at, n, w]) =>
        (s: string): string =>
          s.slice(0, at * s.length) + w + s.slice(at * s.length + n),
    ),
    place.map(
      (at) =>
        (s: string): string =>
          s.slice(0, at * s.length),
    ),
    fc.tuple(place, place).map(
      ([a, b]) =>
        (s: string): string =>
          s + s.slice(Math.min(a, b) * s.length, Math.max(a, b) * s.length),
    ),
    // A number somewhere in it becomes another.
    fc.tuple(place, word).map(([at, w]) => (s: string): string => {
      const found = [...s.matchAll(/\d+/g)];
      const one = found[Math.floor(at * found.length)];
      return one === undefined ? s : s.slice(0, one.index) + w + s.slice(one.index + one[0].length);
    }),
  );
  return fc.oneof(
    {
      weight: 20,
      arbitrary: fc
        .tuple(fc.constantFrom(...texts), fc.array(edit, { maxLength: 4 }))
        .map(([text, edits]) => edits.reduce((s, change) => change(s), text)),
    },
    { weight: 1, arbitrary: fc.string({ maxLength: 100, unit: 'binary' }) },
  );
}

type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

const strangeValue: fc.Arbitrary<Json> = fc.oneof(
  fc.constantFrom<Json>(null, true, false, '', 'x', [], {}, [[]], -1, 0, 0.5, 1, 31.5, 1e6, 1e9, 2 ** 53, -(2 ** 53), 1e300),
  fc.constantFrom(...EDGES),
  fc.jsonValue({ maxDepth: 2 }) as fc.Arbitrary<Json>,
  // Deep enough to end a reader that calls itself.
  fc.constantFrom(10, 800).map((depth) => {
    let value: Json = 1;
    for (let i = 0; i < depth; i++) value = [value];
    return value;
  }),
);

/** A JSON value with 0 to 3 of its parts exchanged, removed, doubled or added, at any depth. */
export function damagedJson(values: readonly unknown[]): fc.Arbitrary<unknown> {
  const edit = fc.tuple(fc.nat(), fc.constantFrom('set', 'remove', 'add', 'swap'), strangeValue, fc.nat());
  return fc.tuple(fc.constantFrom(...values), fc.array(edit, { maxLength: 3 })).map(([value, edits]) => {
    // A parent, so that the value itself can be exchanged.
    const root = { value: structuredClone(value) as Json };
    for (const [which, kind, strange, other] of edits) {
      const places = placesIn(root);
      // Nothing is left where the value itself was removed.
      if (places.length === 0) break;
      const [object, name] = places[which % places.length]!;
      if (kind === 'set') set(object, name, structuredClone(strange));
      else if (kind === 'remove') remove(object, name);
      else if (kind === 'add') set(object, `${name}${other % 2 === 0 ? '?' : ''}`, structuredClone(strange));
      else {
        const [from, key] = places[other % places.length]!;
        set(object, name, structuredClone(from[key]!));
      }
    }
    return root.value;
  });
}

type Parent = Record<string, Json>;

function set(object: Parent, name: string, value: Json): void {
  Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true });
}

function remove(object: Parent, name: string): void {
  if (Array.isArray(object)) object.splice(Number(name), 1);
  else Reflect.deleteProperty(object, name);
}

/** Every place of a value that holds a part, by its parent and name. Not deep in what damage made deep. */
function placesIn(root: Parent): [Parent, string][] {
  const found: [Parent, string][] = [];
  const visit = (object: Parent, depth: number): void => {
    for (const [name, part] of Object.entries(object)) {
      found.push([object, name]);
      if (typeof part === 'object' && part !== null && depth < 12) visit(part as Parent, depth + 1);
    }
  };
  visit(root, 0);
  return found;
}
