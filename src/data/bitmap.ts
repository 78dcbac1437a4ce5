/**
 * @file Decoding images in a page or a worker, by createImageBitmap, with every option fixed: no conversion of colours, orientation from the file,
 * transparency over white.
 */
import { DataFileError } from '../contract/errors.ts';
import { type DecodeImage, type FolderReading, type LazyFile, readClassFolders } from './class-folders.ts';
import { interleaved } from './resample.ts';
import type { TrainTest } from './reading.ts';

/** The pixels of an image. DataFileError if the browser does not decode it. */
export const decodeBitmap: DecodeImage = async ({ name, bytes }, { format }) => {
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(new Blob([new Uint8Array(bytes)]), {
      colorSpaceConversion: 'none',
      premultiplyAlpha: 'none',
      imageOrientation: 'from-image',
    });
  } catch (cause) {
    throw new DataFileError(`${name}: this ${format} does not decode: it is damaged`, { cause });
  }
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true });
  if (!context)
    throw new DataFileError(`${name}: this browser gives no canvas of ${width} x ${height} pixels to read the image from`);
  context.fillStyle = 'white';
  context.fillRect(0, 0, width, height);
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return interleaved(context.getImageData(0, 0, width, height, { colorSpace: 'srgb' }).data, 3, height, width, 4);
};

/** What is taken of a page's `File`. */
export type PageFile = {
  readonly name: string;
  /** '' for a file that was not chosen with its folder. */
  readonly webkitRelativePath: string;
  arrayBuffer(): Promise<ArrayBuffer>;
};

/**
 * The images of a folder that somebody chose in a page (`<input type="file" webkitdirectory>`) or dropped on it: `readClassFolders` with
 * `decodeBitmap`. The first part of each path is the folder's own name.
 */
export function loadImageFiles(files: Iterable<PageFile>, reading: FolderReading = {}): Promise<TrainTest> {
  const all = [...files];
  const lazy = all.map((file): LazyFile => {
    const path = file.webkitRelativePath === '' ? file.name : file.webkitRelativePath;
    return {
      path: path.split('/').slice(1).join('/'),
      bytes: async () => new Uint8Array(await file.arrayBuffer()),
    };
  });
  const name = all[0]?.webkitRelativePath.split('/')[0] ?? 'the folder';
  return readClassFolders(name, lazy, decodeBitmap, reading);
}
