/**
 * @file A folder with a list of its files, files.json: size and SHA-256 of each, and of the list itself. Whatever has changed since it was
 * written is found by it, and so is a file that has lost the checksum inside it.
 *
 * The list is written before the files that it names, with the digest that a file had before (`was`), so that a kill between the two leaves a
 * file that the list knows, old or new.
 */
import { createHash } from 'node:crypto';
import path from 'node:path';
import * as v from 'valibot';
import { DataFileError } from '../contract/errors.ts';
import type { Sha256 } from '../export/sha256.ts';
import { errorCode, fileSystem, isFolder, namesIn, readIfThere } from './system.ts';
import { flushFolder, makeFolder, prepareFile, removeLeftovers } from './write.ts';

/** The name of the list. */
export const LIST = 'files.json';

const VERSION = 1;
const NO_DIGITS = '0'.repeat(64);
const digits = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));
const listSchema = v.object({
  version: v.literal(VERSION),
  sha256: digits,
  files: v.record(
    v.string(),
    v.object({ bytes: v.pipe(v.number(), v.integer(), v.minValue(0)), sha256: digits, was: v.optional(v.nullable(digits)) }),
  ),
});
type Entries = v.InferOutput<typeof listSchema>['files'];

/** SHA-256 by node:crypto, as hexadecimal digits. */
export const nodeSha256: Sha256 = (...parts) => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
};

/** What is known of a file. `unlisted`: it is there, and the list does not name it. */
export type Standing = 'whole' | 'changed' | 'missing' | 'unlisted';

export class ListedFolder {
  readonly path: string;
  /** What is wrong with the list itself; undefined where it is whole, and where there is none. */
  readonly damage: string | undefined;
  #entries: Entries;
  #last: Promise<void> = Promise.resolve();

  private constructor(folder: string, entries: Entries, damage: string | undefined) {
    this.path = folder;
    this.#entries = entries;
    this.damage = damage;
  }

  /** Reads the list, if there is one. Nothing is changed, and the folder need not be there. */
  static async open(folder: string): Promise<ListedFolder> {
    const file = path.join(folder, LIST);
    const bytes = await readIfThere(file);
    if (!bytes) return new ListedFolder(folder, {}, undefined);
    const parsed = v.safeParse(listSchema, parseOrNothing(bytes.toString()));
    if (!parsed.success || sealed(parsed.output.files) !== bytes.toString())
      return new ListedFolder(folder, {}, `${file} is damaged: it is not what was written`);
    return new ListedFolder(folder, parsed.output.files, undefined);
  }

  file(name: string): string {
    return path.join(this.path, name);
  }

  /** The names in the list, in order, but for files that were announced and may not have come to be. */
  get listed(): string[] {
    return Object.entries(this.#entries)
      .filter(([, { was }]) => was !== null)
      .map(([name]) => name)
      .sort();
  }

  /** The names in the folder, in order, the list among them. */
  names(): Promise<string[]> {
    return namesIn(this.path);
  }

  async standing(name: string): Promise<Standing> {
    return this.#judge(name, await readIfThere(this.file(name)));
  }

  #judge(name: string, bytes: Uint8Array | undefined): Standing {
    const entry = Object.hasOwn(this.#entries, name) ? this.#entries[name] : undefined;
    if (!bytes) return entry && entry.was !== null ? 'missing' : 'unlisted';
    if (!entry) return 'unlisted';
    const found = nodeSha256(bytes);
    return found === entry.sha256 || found === entry.was ? 'whole' : 'changed';
  }

  /** The bytes of a file and what the list says of them. DataFileError where there is no such file. */
  async read(name: string): Promise<{ readonly bytes: Buffer; readonly standing: Standing }> {
    const bytes = await readIfThere(this.file(name)).catch((error: unknown) => {
      throw new DataFileError(`${this.file(name)} cannot be read: ${errorCode(error) ?? String(error)}`, { cause: error });
    });
    if (!bytes) throw new DataFileError(`${this.file(name)} is missing`);
    return { bytes, standing: this.#judge(name, bytes) };
  }

  /** The same for one that must be as it was written: DataFileError naming a file that has changed since. */
  async readWhole(name: string): Promise<Buffer> {
    const { bytes, standing } = await this.read(name);
    if (standing === 'changed')
      throw new DataFileError(
        `${this.file(name)} is damaged: it is not what ${LIST} says was written (reparam verify ${this.path})`,
      );
    return bytes;
  }

  /** Makes the folder, and removes what a killed process left in it. */
  async prepare(): Promise<void> {
    if (await isFolder(this.path)) await removeLeftovers(this.path);
    else await makeFolder(this.path);
  }

  /** Writes files, each whole or not at all, in this order; those in `removed` go when all are there. The folder must be there. */
  async write(files: Readonly<Record<string, string | Uint8Array>>, removed: readonly string[] = []): Promise<void> {
    const after = this.#last.then(() => this.#write(files, removed));
    this.#last = after.catch(() => {});
    return after;
  }

  /** Writes the list once more where files that it announced are all there by now. */
  async settle(): Promise<void> {
    if (await readIfThere(this.file(LIST))) await this.write({});
  }

  async #write(files: Readonly<Record<string, string | Uint8Array>>, removed: readonly string[]): Promise<void> {
    const contents = Object.entries(files).map(([name, content]) => ({
      name,
      content: typeof content === 'string' ? Buffer.from(content) : content,
    }));
    const settled = await this.#settled([...contents.map(({ name }) => name), ...removed]);
    const announced = Object.fromEntries(
      contents.map(({ name, content }) => {
        const was = settled.before.get(name) ?? null;
        return [name, { bytes: content.length, sha256: nodeSha256(content), was }];
      }),
    );
    const entries = { ...settled.others, ...announced };
    const prepared = [];
    try {
      for (const { name, content } of contents) prepared.push(await prepareFile(this.file(name), content));
      const list = await prepareFile(this.file(LIST), sealed(entries));
      prepared.push(list);
      await list.commit();
      this.#entries = entries;
      await flushFolder(this.path);
      for (const file of prepared.slice(0, -1)) await file.commit();
      await flushFolder(this.path);
    } catch (error) {
      for (const file of prepared) await file.discard();
      throw error;
    }
    // The files have their names: from now on the list may forget what they were.
    this.#entries = Object.fromEntries(
      Object.entries(entries).map(([name, entry]) => [
        name,
        name in announced ? { bytes: entry.bytes, sha256: entry.sha256 } : entry,
      ]),
    );
    for (const name of removed) {
      await fileSystem()
        .remove(this.file(name))
        .catch((error: unknown) => {
          if (errorCode(error) !== 'ENOENT') throw error;
        });
    }
  }

  /**
   * The entries that a new list keeps, and what the files to be written are now. An entry that an earlier process announced is settled by what
   * is there; a file that is there unlisted, as in a folder of an earlier version, is taken as it is.
   */
  async #settled(changing: readonly string[]): Promise<{ others: Entries; before: ReadonlyMap<string, string> }> {
    const others: Entries = {};
    const before = new Map<string, string>();
    for (const [name, entry] of Object.entries(this.#entries)) {
      if (changing.includes(name)) continue;
      if (entry.was === undefined) {
        others[name] = entry;
        continue;
      }
      const bytes = await readIfThere(this.file(name));
      const found = bytes && nodeSha256(bytes);
      if (bytes && (found === entry.sha256 || found === entry.was)) others[name] = { bytes: bytes.length, sha256: found };
      else if (bytes || entry.was !== null) others[name] = entry;
    }
    for (const name of changing) {
      const entry = this.#entries[name];
      if (entry && entry.was === undefined) before.set(name, entry.sha256);
      else {
        const bytes = await readIfThere(this.file(name));
        if (bytes) before.set(name, nodeSha256(bytes));
      }
    }
    return { others, before };
  }
}

function parseOrNothing(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The text of a list; its own digest is that of the text with zeros in its place. */
function sealed(files: Entries): string {
  const text = `${JSON.stringify({ version: VERSION, sha256: NO_DIGITS, files }, undefined, 2)}\n`;
  return text.replace(NO_DIGITS, nodeSha256(Buffer.from(text)));
}
