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
 * The file decompressed, or as it is if it does not start with gzip's magic number. DataFormatError if the stream is damaged, or
 * goes on after `maxBytes`: no more than that is ever held.
 */
export async function gunzip(file: NamedBytes, options: GunzipOptions = {}): Promise<NamedBytes> {
  const { name, bytes } = file;
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return file;
  const { maxBytes = Math.max(FREE_BYTES, MAX_RATIO * bytes.length) } = options;
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
    throw new DataFormatError(name, bytes.length, `damaged or truncated gzip stream, ${length} bytes decompressed so far`, {
      cause,
    });
  }
  const out = new Uint8Array(length);
  let end = 0;
  for (const chunk of chunks) {
    out.set(chunk, end);
    end += chunk.length;
  }
  return { name, bytes: out };
}
