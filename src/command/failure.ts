/** @file What an error means to whoever typed the command: one line with what to do, and an exit code. */
import { ReparamError } from '../contract/errors.ts';
import { EXIT } from './exit-codes.ts';
import { InUseError } from './in-use-error.ts';
import { UsageError } from './usage-error.ts';

export interface Failure {
  readonly line: string;
  readonly code: number;
}

/** What the system says, by its code: what is wrong, and what helps. */
const SYSTEM: Readonly<Record<string, readonly [what: string, help: string]>> = {
  ENOSPC: ['the disk is full', 'make space on it or use another folder; a run that had begun goes on with --resume'],
  EDQUOT: ['the disk quota is used up', 'make space or use another folder; a run that had begun goes on with --resume'],
  EACCES: ['permission is denied', 'change the owner or the mode of it, or use another path'],
  EPERM: ['the system does not permit it', 'change the owner or the attributes of it, or use another path'],
  EROFS: ['the file system can only be read', 'use a folder on one that can be written'],
  ENOENT: ['there is no such file or folder', 'check the path'],
  ENOTDIR: ['a part of the path is a file and not a folder', 'check the path'],
  EISDIR: ['it is a folder and not a file', 'name a file'],
  EEXIST: ['something else is there already', 'remove it or use another path'],
  ENOTEMPTY: ['the folder is not empty', 'remove what is in it or use another path'],
  EMFILE: ['this process has too many files open', 'raise the limit: ulimit -n 4096'],
  ENFILE: ['the system has too many files open', 'close other programs'],
  ENAMETOOLONG: ['the path is too long', 'use a shorter one'],
  ELOOP: ['the links in the path lead in a circle', 'check the path'],
  EXDEV: ['the path leads to another file system', 'use one folder without links to others'],
  EBUSY: ['it is in use', 'close what uses it and try again'],
  ETXTBSY: ['it is in use', 'close what uses it and try again'],
  EFBIG: ['the file would be larger than the system allows', 'raise the limit (ulimit -f) or use another file system'],
  EIO: ['the disk reports an error', 'check the disk and the connection to it'],
  ENXIO: ['the device is not there', 'check the path'],
  ENODEV: ['the device is not there', 'check the path'],
  ESTALE: ['the folder has gone from its server', 'mount it again'],
  ENOTCONN: ['the file system is not connected', 'mount it again'],
  ETIMEDOUT: ['the server did not answer in time', 'check the connection'],
  EINVAL: ['this file system does not take it', 'use another folder'],
  ENOTSUP: ['this file system cannot do it', 'use another folder'],
  EOPNOTSUPP: ['this file system cannot do it', 'use another folder'],
  ENOSYS: ['this file system cannot do it', 'use another folder'],
  ENOMEM: ['there is not enough memory', 'close other programs, or ask for less at once'],
  EAGAIN: ['the system has too little left of something', 'close other programs and try again'],
  ENOEXEC: ['it is not a program', 'check the path'],
  E2BIG: ['the command line is too long', 'ask for less at once'],
};

/** What was being done, by the name of the system's call. */
const DOING: Readonly<Record<string, string>> = {
  open: 'cannot open',
  read: 'cannot read',
  write: 'cannot write',
  writev: 'cannot write',
  close: 'cannot close',
  fsync: 'cannot flush to disk',
  fdatasync: 'cannot flush to disk',
  ftruncate: 'cannot shorten',
  mkdir: 'cannot make the folder',
  mkdtemp: 'cannot make a folder like',
  scandir: 'cannot list',
  opendir: 'cannot list',
  stat: 'cannot look at',
  lstat: 'cannot look at',
  access: 'cannot look at',
  rename: 'cannot rename',
  link: 'cannot make the link',
  unlink: 'cannot remove',
  rmdir: 'cannot remove',
  rm: 'cannot remove',
  copyfile: 'cannot copy',
  utime: 'cannot touch',
  kill: 'cannot signal a process',
};

/**
 * The line and the exit code of an error. Whatever the world can cause (a full disk, a missing package, too little memory) and every error of
 * reparam's own says what to do; what is left is a fault in the program, and the line says that.
 */
export function failureOf(error: unknown): Failure {
  if (error instanceof UsageError) return { line: error.message, code: EXIT.usage };
  if (error instanceof InUseError) return { line: error.message, code: EXIT.inUse };
  if (error instanceof ReparamError) return { line: error.message, code: EXIT.failed };
  const line = systemLine(error) ?? packageLine(error) ?? memoryLine(error);
  if (line !== undefined) return { line, code: EXIT.failed };
  const told = error instanceof Error ? `${error.name}: ${error.message}` : `thrown: ${String(error)}`;
  return {
    line: `${told}. This is a fault in reparam and not in what it was given; REPARAM_DEBUG=1 shows where, for a report`,
    code: EXIT.fault,
  };
}

interface SystemError extends Error {
  readonly code?: unknown;
  readonly syscall?: unknown;
  readonly path?: unknown;
  readonly dest?: unknown;
}

/** Errors of files, processes and the like. */
function systemLine(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code, syscall, path, dest, message }: SystemError = error;
  if (typeof code !== 'string') return undefined;
  if (code === 'ERR_FS_FILE_TOO_LARGE') return `a file is too large to be read at once: ${message}`;
  if (code === 'ERR_STRING_TOO_LONG') return 'a file is too large to be read as text: it is not what it should be; check the path';
  if (typeof syscall !== 'string') return undefined;
  const [name] = syscall.split(' ');
  const doing = syscall.startsWith('spawn') ? 'cannot start' : (DOING[name!] ?? `cannot ${name}`);
  const where = [path, dest].filter((p) => typeof p === 'string').join(' to ');
  const [what, help] = SYSTEM[code] ?? [message.replace(/^\w+: /, ''), 'check the path'];
  return `${where === '' ? `${doing} a file` : `${doing} ${where}`}: ${what} (${code}); ${help}`;
}

/** A package that is not installed, or not whole. */
function packageLine(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  if (error.code !== 'ERR_MODULE_NOT_FOUND' && error.code !== 'MODULE_NOT_FOUND') return undefined;
  const name = /^Cannot find (?:package|module) '([^']+)'/.exec(error.message)?.[1] ?? '';
  if (name !== '' && !/^([./]|\w+:)/.test(name)) return `the package ${name} is not installed: npm install ${name}`;
  return `a file of an installed package is missing (${name}): install it anew with npm ci`;
}

/** More memory than there is, or than an array can have. */
function memoryLine(error: unknown): string | undefined {
  if (!(error instanceof RangeError)) return undefined;
  if (!/allocation failed|invalid (typed )?array (buffer )?length|invalid string length|could not allocate/i.test(error.message))
    return undefined;
  return `there is not enough memory (${error.message}): ask for less at once, such as a smaller batch, fewer images or channels`;
}
