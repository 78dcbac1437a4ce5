/** @file Gzip through the platform's own DecompressionStream, which Node and pages share. */
import { DataFormatError } from '../contract/errors.ts';
import type { NamedBytes } from './dataset.ts';

/** The file decompressed, or as it is if it does not start with gzip's magic number. DataFormatError if the stream is damaged. */
export async function gunzip(file: NamedBytes): Promise<NamedBytes> {
  const { name, bytes } = file;
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return file;
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    const stream = new Blob([new Uint8Array(bytes)]).stream().pipeThrough(new DecompressionStream('gzip'));
    const reader = stream.getReader();
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      chunks.push(part.value);
      length += part.value.length;
    }
  } catch (cause) {
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
