/** @file Named 32-bit words in memory: what a kernel is told beyond its pointers. */
import type { Local } from './assembler.ts';
import { type Code, i32 } from './instructions.ts';

export interface RecordLayout<Name extends string> {
  readonly bytes: number;
  /** Reads a field of the record at an address. */
  readonly field: (record: Local, name: Name) => Code;
  /** The words of a record, in order. */
  readonly words: (values: Readonly<Record<Name, number>>) => number[];
}

export function recordLayout<const Name extends string>(names: readonly Name[]): RecordLayout<Name> {
  return {
    bytes: names.length * 4,
    field: (record, name) => i32.load(record.get, names.indexOf(name) * 4),
    words: (values) => names.map((name) => values[name]),
  };
}
