/** @file Gzip through the platform's own DecompressionStream, which Node and pages share. */
import { DataFormatError } from '../contract/errors.ts';
import type { NamedBytes } from './dataset.ts';

/** Images compress to a third or a tenth; a file that grows more than this, and above `FREE_BYTES`, was made to fill memory. */
const MAX_RATIO = 64;
/** Any file may grow to this: 16 MiB. */
const FREE_BYTES = 2 ** 24;

export interface GunzipOptions {
  /** The most bytes to decompress to. Default: 64 times the file's, and at least 16 MiB. */
  readonly maxBytes?: number;
}

/**
 * The file decompressed, or as it is if it does not start with gzip's magic number; several members (files that were joined) come one after
 * another, also where the platform reads the first alone. DataFormatError if the stream is damaged, or goes on after `maxBytes`: no more than
 * that is ever held.
 */
export async function gunzip(file: NamedBytes, options: GunzipOptions = {}): Promise<NamedBytes> {
  const { name, bytes } = file;
  if (!startsMember(bytes, 0)) return file;
  const { maxBytes = Math.max(FREE_BYTES, MAX_RATIO * bytes.length) } = options;
  const whole = await inflate(name, bytes, maxBytes);
  if (whole.complete) return { name, bytes: joined(whole.chunks) };
  const chunks: Uint8Array[] = [];
  for (let start = 0; start < bytes.length;) {
    const member = await firstMember(name, bytes, start, maxBytes - lengthOf(chunks));
    if (!member) {
      const reached = Math.max(lengthOf(whole.chunks), lengthOf(chunks));
      throw new DataFormatError(name, bytes.length, `damaged or truncated gzip stream, ${reached} bytes decompressed so far`, {
        cause: whole.cause,
      });
    }
    for (const chunk of member.chunks) chunks.push(chunk);
    start = member.end;
  }
  return { name, bytes: joined(chunks) };
}

/** Places that are tried as the end of one member: compressed data looks like a member's start once in 2^27 bytes. */
const MOST_ENDS = 64;

/** The member that starts at a byte: it ends before another one or with the file, and its checksum says where. */
async function firstMember(
  name: string,
  bytes: Uint8Array,
  start: number,
  maxBytes: number,
): Promise<{ readonly chunks: readonly Uint8Array[]; readonly end: number } | undefined> {
  if (!startsMember(bytes, start)) return undefined;
  let tried = 0;
  for (let end = start + 18; end <= bytes.length && tried < MOST_ENDS; end++) {
    if (end < bytes.length && !startsMember(bytes, end)) continue;
    tried++;
    const { chunks, complete } = await inflate(name, bytes.subarray(start, end), maxBytes);
    if (complete) return { chunks, end };
  }
  return undefined;
}

/** Magic number, the one method there is, and no reserved flag. */
function startsMember(bytes: Uint8Array, at: number): boolean {
  return bytes[at] === 0x1f && bytes[at + 1] === 0x8b && (at === 0 || (bytes[at + 2] === 8 && (bytes[at + 3]! & 0xe0) === 0));
}

interface Inflated {
  readonly chunks: readonly Uint8Array[];
  /** Whether the platform took all of the bytes. */
  readonly complete: boolean;
  readonly cause?: unknown;
}

async function inflate(name: string, bytes: Uint8Array, maxBytes: number): Promise<Inflated> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    const stream = new Blob([new Uint8Array(bytes)]).stream().pipeThrough(new DecompressionStream('gzip'));
    const reader = stream.getReader();
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      length += part.value.length;
      if (length > maxBytes) {
        await reader.cancel();
        throw new DataFormatError(
          name,
          bytes.length,
          `decompresses to more than ${maxBytes} bytes, as a gzip bomb does; if it is none, decompress it first (gunzip)`,
        );
      }
      chunks.push(part.value);
    }
  } catch (cause) {
    if (cause instanceof DataFormatError) throw cause;
    return { chunks, complete: false, cause };
  }
  return { chunks, complete: true };
}

function lengthOf(chunks: readonly Uint8Array[]): number {
  return chunks.reduce((sum, { length }) => sum + length, 0);
}

function joined(chunks: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(lengthOf(chunks));
  let end = 0;
  for (const chunk of chunks) {
    out.set(chunk, end);
    end += chunk.length;
  }
  return out;
}
