/**
 * @file One process at a time in a folder: a lock file that names its process and is touched while that process lives.
 *
 * The file is on the disk before it gets its name by a hard link, which fails if there is one already. Whether its process lives is looked up
 * where that is possible; of a process on another machine only the age of the file is known, by the clock of the file system itself, so that wrong
 * clocks do no harm.
 */
import { randomUUID } from 'node:crypto';
import { rmSync, readFileSync } from 'node:fs';
import { type FileHandle, link, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { prepareFile } from '../files/write.ts';
import { InUseError } from './in-use-error.ts';
import { lifeOf, type ProcessIdentity, thisProcess } from './process-identity.ts';

const NAME = 'run.lock';
/** Seconds between touches. */
const BEAT = 10;
/** Seconds after which an untouched lock whose process cannot be looked up is taken over; NFS may show a touch a minute late. */
const STALE = 600;

interface Holder extends ProcessIdentity {
  /** Of this lock alone. */
  readonly id: string;
  /** When it was taken, for people. */
  readonly since: string;
}

export interface LockOptions {
  /** Seconds without a touch after which another machine's lock is taken over. */
  readonly stale?: number;
  /** Seconds between touches. */
  readonly beat?: number;
}

export class FolderLock {
  /** The folder that is locked. */
  readonly folder: string;
  readonly #file: string;
  readonly #content: string;
  readonly #id: string;
  readonly #handle: FileHandle;
  readonly #timer: NodeJS.Timeout;
  readonly #onExit = (): void => this.#removeNow();
  #released = false;

  private constructor(folder: string, file: string, holder: Holder, content: string, handle: FileHandle, beat: number) {
    this.folder = folder;
    this.#file = file;
    this.#id = holder.id;
    this.#content = content;
    this.#handle = handle;
    this.#timer = setInterval(() => void this.#touch(), beat * 1000).unref();
    process.on('exit', this.#onExit);
  }

  /**
   * Takes the lock of a folder that is there. InUseError, naming the process, if another one has it. A lock of a dead process of this machine is
   * taken over at once, any other only when nothing has touched it for `stale` seconds.
   */
  static async acquire(folder: string, { stale = STALE, beat = BEAT }: LockOptions = {}): Promise<FolderLock> {
    const file = path.join(folder, NAME);
    const holder: Holder = { ...thisProcess(), id: randomUUID(), since: new Date().toISOString() };
    const content = `${JSON.stringify(holder)}\n`;
    const prepared = await prepareFile(file, content);
    const own = prepared.temporary;
    try {
      // Again and again: a lock that is there may be given back before it is read.
      for (let attempt = 0; !(await linkNew(own, file, content)); attempt++) {
        if (attempt === 5) throw new InUseError(`${folder} is locked and given back all the time (${file}): try again`);
        if (await takeOver(folder, file, own, content, stale)) break;
      }
      const handle = await open(file, 'r+');
      const lock = new FolderLock(folder, file, holder, content, handle, beat);
      await lock.check();
      return lock;
    } finally {
      await prepared.discard();
    }
  }

  /** InUseError if another process has taken the lock over, as after hours without a touch: then nothing more may be written. */
  async check(): Promise<void> {
    const holder = parse(await readFile(this.#file, 'utf8').catch(() => ''));
    if (holder?.id === this.#id) return;
    throw new InUseError(
      `${path.dirname(this.#file)} was taken over by ${holder ? describe(holder) : 'another process, which has ended'} ` +
        'while this process did not run; nothing more is written. Continue with --resume when the folder is free',
    );
  }

  /** Gives the lock back. */
  async release(): Promise<void> {
    if (this.#released) return;
    this.#released = true;
    clearInterval(this.#timer);
    process.off('exit', this.#onExit);
    this.#removeIfOwn();
    await this.#handle.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }

  /** The same bytes again: the file system notes its own time, and no reader sees half a line. */
  async #touch(): Promise<void> {
    await this.#handle.write(this.#content, 0).catch(() => undefined);
  }

  #removeNow(): void {
    if (!this.#released) this.#removeIfOwn();
  }

  #removeIfOwn(): void {
    try {
      if (parse(readFileSync(this.#file, 'utf8'))?.id === this.#id) rmSync(this.#file);
    } catch {
      // The folder is gone, or can no longer be written: the lock goes by the death of its process.
    }
  }
}

/** Gives `own` the name `file` too, unless that name is taken. */
async function linkNew(own: string, file: string, content: string): Promise<boolean> {
  try {
    await link(own, file);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].includes(codeOf(error))) throw error;
  }
  // A file system without hard links.
  try {
    await writeFile(file, content, { flag: 'wx' });
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/**
 * Puts `own` in place of a stale lock, or throws. Of all that find a lock stale, the one that makes the file `run.lock.after-ID` may replace the
 * lock of that id, once. Returns false if the lock changed meanwhile.
 */
async function takeOver(folder: string, file: string, own: string, content: string, stale: number): Promise<boolean> {
  const found = await readFile(file, 'utf8').catch(() => undefined);
  if (found === undefined) return false;
  const holder = parse(found);
  await refuseUnlessStale(folder, file, holder, stale, own);
  const turn = `${file}.after-${holder?.id ?? 'unreadable'}`;
  if (!(await linkNew(own, turn, content))) {
    const other = parse(await readFile(turn, 'utf8').catch(() => ''));
    // Whoever had the turn may have died before it used it.
    await refuseUnlessStale(folder, turn, other, stale, own);
    await rm(turn, { force: true });
    return false;
  }
  try {
    // Only if nobody had the turn, used it and gave it back in between.
    if ((await readFile(file, 'utf8').catch(() => undefined)) !== found) return false;
    await rename(own, file);
    return true;
  } finally {
    await rm(turn, { force: true });
  }
}

/** Throws an InUseError if the process of a lock lives, or may. */
async function refuseUnlessStale(
  folder: string,
  file: string,
  holder: Holder | undefined,
  stale: number,
  own: string,
): Promise<void> {
  const life = holder ? lifeOf(holder) : 'unknown';
  if (life === 'dead') return;
  if (life === 'alive')
    throw new InUseError(`${folder} is in use by ${describe(holder!)}: wait until it ends, or use another folder`);
  const age = await ageOf(file, own);
  if (age === undefined || age > stale) return;
  throw new InUseError(
    `${folder} is in use by ${holder ? describe(holder) : `whoever left an unreadable ${path.basename(file)}`}, ` +
      `last heard of ${Math.max(0, Math.round(age))} s ago: wait until it ends; if it has ended, remove ${file}, or try again in ${Math.ceil(stale - age)} s`,
  );
}

/** Seconds since a file was touched, by the clock of its file system; undefined if it is gone. `own` was written just now, beside it. */
async function ageOf(file: string, own: string): Promise<number | undefined> {
  const [now, then] = [await stat(own), await stat(file).catch(() => undefined)];
  return then && (now.mtimeMs - then.mtimeMs) / 1000;
}

function describe({ pid, host, since }: Holder): string {
  return `process ${pid} on ${host} since ${since}`;
}

function parse(text: string): Holder | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null) return undefined;
    const { host, pid, started, numbering, id, since } = value as Record<string, unknown>;
    if (typeof pid !== 'number' || ![host, started, numbering, id, since].every((s) => typeof s === 'string')) return undefined;
    return value as Holder;
  } catch {
    return undefined;
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
