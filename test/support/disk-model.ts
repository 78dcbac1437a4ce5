/**
 * @file A disk as it may be after the power was cut. What a file system must keep: a file's content once it was flushed, a folder's entries
 * once the folder was. Of the rest it may keep anything: of unflushed content a part, or zeros; of a folder's unflushed changes the first ones,
 * in their order, as journals do.
 */
import path from 'node:path';
import type { FileSystem, NewFile } from '../../src/files/system.ts';

/** A file apart from its names. */
interface Inode {
  /** What is certain, and what was written since. */
  flushed: Uint8Array;
  written: Uint8Array;
}

type Entries = ReadonlyMap<string, Inode>;

/** The names that a folder may have after a cut: certain ones, and those after each further change. */
type Change = (entries: Map<string, Inode>) => void;

export type PlantedFault = 'none' | 'no-flush' | 'no-folder-flush' | 'rename-first';

/** One folder on a disk. Every operation is one that the power may be cut after: `cuts` then holds what the disk may be. */
export class DiskModel implements FileSystem {
  readonly #folder: string;
  readonly #planted: PlantedFault;
  #certain: Map<string, Inode>;
  #changes: Change[] = [];
  /** The same moments, a function each that says what one disk may hold. */
  readonly cuts: ((random: () => number) => Map<string, Uint8Array>)[] = [];

  constructor(folder: string, files: Readonly<Record<string, string>>, planted: PlantedFault = 'none') {
    this.#folder = folder;
    this.#planted = planted;
    this.#certain = new Map(
      Object.entries(files).map(([name, text]) => {
        const content = Buffer.from(text);
        return [name, { flushed: content, written: content }];
      }),
    );
    this.#mark();
  }

  /** What the process itself sees. */
  get files(): ReadonlyMap<string, Uint8Array> {
    return new Map([...this.#applied(this.#changes.length)].map(([name, { written }]) => [name, written]));
  }

  create(file: string): Promise<NewFile> {
    const inode: Inode = { flushed: new Uint8Array(), written: new Uint8Array() };
    const name = this.#name(file);
    this.#change((entries) => entries.set(name, inode));
    // The planted fault gives the final name before there is content.
    if (this.#planted === 'rename-first') {
      this.#change((entries) => {
        entries.delete(name);
        entries.set(finalName(name), inode);
      });
    }
    const step = (act: () => void): Promise<void> => {
      act();
      this.#mark();
      return Promise.resolve();
    };
    return Promise.resolve({
      write: (content) => step(() => (inode.written = Uint8Array.from(content))),
      flush: () =>
        step(() => {
          if (this.#planted !== 'no-flush') inode.flushed = inode.written;
        }),
      close: () => Promise.resolve(),
    });
  }

  rename(from: string, to: string): Promise<void> {
    const [old, name] = [this.#name(from), this.#name(to)];
    if (this.#planted !== 'rename-first') {
      this.#change((entries) => {
        const inode = entries.get(old);
        if (!inode) return;
        entries.delete(old);
        entries.set(name, inode);
      });
    }
    return Promise.resolve();
  }

  flushFolder(): Promise<void> {
    if (this.#planted === 'no-folder-flush') return Promise.resolve();
    this.#certain = this.#applied(this.#changes.length);
    this.#changes = [];
    this.#mark();
    return Promise.resolve();
  }

  makeFolder(): Promise<void> {
    return Promise.resolve();
  }

  remove(file: string): Promise<void> {
    const name = this.#name(file);
    if (!this.#applied(this.#changes.length).has(name))
      return Promise.reject(Object.assign(new Error(`ENOENT: ${file}`), { code: 'ENOENT', syscall: 'unlink', path: file }));
    this.#change((entries) => entries.delete(name));
    return Promise.resolve();
  }

  #name(file: string): string {
    return path.relative(this.#folder, file);
  }

  #change(change: Change): void {
    this.#changes.push(change);
    this.#mark();
  }

  #applied(changes: number): Map<string, Inode> {
    const entries = new Map(this.#certain);
    for (const change of this.#changes.slice(0, changes)) change(entries);
    return entries;
  }

  /** Notes what the disk may be now. */
  #mark(): void {
    const after: Entries[] = Array.from({ length: this.#changes.length + 1 }, (_, n) => this.#applied(n));
    const contents = new Map<Inode, Inode>();
    for (const entries of after) for (const inode of entries.values()) contents.set(inode, { ...inode });
    this.cuts.push((random) => {
      const entries = after[Math.floor(random() * after.length)]!;
      return new Map([...entries].map(([name, inode]) => [name, mayHold(contents.get(inode)!, random)]));
    });
  }
}

function mayHold({ flushed, written }: Inode, random: () => number): Uint8Array {
  if (flushed === written) return flushed;
  const part = Math.floor(random() * (written.length + 1));
  // A part of it, all of it or none; or its length, and zeros for what was not written.
  return [flushed, written, written.slice(0, part), new Uint8Array(written.length)][Math.floor(random() * 4)]!;
}

/** `.NAME.PID@HOST-N.part` */
function finalName(temporary: string): string {
  return temporary.replace(/^\.(.*)\.\d+@.*$/, '$1');
}
