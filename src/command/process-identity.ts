/** @file Which process this is, in words that another process, on this machine or another, can check. */
import { spawnSync } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import os from 'node:os';

export interface ProcessIdentity {
  readonly host: string;
  readonly pid: number;
  /** When the process began, in the system's own words; a process number that is used again has another. Empty where it is not known. */
  readonly started: string;
  /** Where process numbers mean the same: on Linux this start of the machine and the namespace of processes. Empty elsewhere. */
  readonly numbering: string;
}

export function thisProcess(): ProcessIdentity {
  return { host: os.hostname(), pid: process.pid, started: startOf(process.pid) ?? '', numbering: numbering() };
}

/**
 * Whether a process of some identity lives: 'unknown' if this process cannot look, because it is on another machine, in another container or before
 * a restart of the machine that cannot be told from another machine.
 */
export function lifeOf(identity: ProcessIdentity): 'alive' | 'dead' | 'unknown' {
  if (identity.host !== os.hostname() || identity.numbering !== numbering()) return 'unknown';
  const started = startOf(identity.pid);
  if (started === undefined) return 'dead';
  return started === '' || identity.started === '' || started === identity.started ? 'alive' : 'dead';
}

/** When a process began; undefined if there is none (or only what is left of it), '' if the system does not say. */
export function startOf(pid: number): string | undefined {
  if (process.platform === 'linux') return startOnLinux(pid);
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it lives, and belongs to somebody else.
    if (!(error instanceof Error && 'code' in error && error.code === 'EPERM')) return undefined;
  }
  if (process.platform === 'win32') return '';
  const { stdout } = spawnSync('ps', ['-o', 'lstart=', '-p', String(pid)], {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C' },
  });
  return (stdout ?? '').trim();
}

/** proc(5): field 3 is the state, Z and X for what has ended; field 22 is the start, in ticks since the machine's. */
function startOnLinux(pid: number): string | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined;
  }
  // The name, field 2, is in brackets and may hold anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' || fields[0] === 'X' ? undefined : (fields[19] ?? '');
}

function numbering(): string {
  if (process.platform !== 'linux') return '';
  try {
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return '';
  }
}
