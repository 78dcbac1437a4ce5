/** @file Decoding images in Node by the optional peer sharp (libvips), with every option fixed to what createImageBitmap does in a page. */
import { DataFileError } from '../contract/errors.ts';
import { loadPeer } from '../contract/peers.ts';
import type { DecodeImage } from './class-folders.ts';
import { DEFAULT_MAX_PIXELS } from './image-format.ts';
import { interleaved, type Pixels } from './resample.ts';

/**
 * The decoder. DataFileError with the line that installs sharp where it is not there; the decoder itself throws DataFileError, naming the file,
 * where sharp finds damage.
 */
export async function sharpDecoder(maxPixels: number = DEFAULT_MAX_PIXELS): Promise<DecodeImage> {
  const peer = await loadPeer('sharp', () => import('sharp'));
  if (peer.state === 'missing')
    throw new DataFileError(
      `PNG, JPEG and WebP are read by the package sharp, which is not installed: npm install sharp${peer.where}`,
      {
        cause: peer.cause,
      },
    );
  if (peer.state === 'broken') {
    const [line] = (peer.cause instanceof Error ? peer.cause.message : String(peer.cause)).trim().split('\n');
    throw new DataFileError(`the package sharp is installed, but does not load: ${line}`, { cause: peer.cause });
  }
  const { default: sharp } = peer.module;
  return async ({ name, bytes }, { format, cmyk }) => {
    // Profiles are left alone, as in a page and in Pillow; CMYK comes as it is, for libvips would convert it by a profile of its own.
    const space = cmyk ? 'cmyk' : 'srgb';
    const image = sharp(bytes, {
      failOn: 'warning',
      limitInputPixels: maxPixels,
      ignoreIcc: true,
      autoOrient: true,
      sequentialRead: true,
    });
    try {
      const pipeline = cmyk ? image.pipelineColourspace('cmyk') : image;
      const { data, info } = await pipeline.toColourspace(space).raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true });
      return inThreeChannels(data, info, cmyk);
    } catch (cause) {
      const [line] = (cause instanceof Error ? cause.message : String(cause)).trim().split('\n');
      throw new DataFileError(`${name}: this ${format} does not decode: ${line}`, { cause });
    }
  };
}

/** Grey three times, transparency over white, CMYK as light that is left by ink. In place: a pixel's three bytes take the first of its own. */
function inThreeChannels(
  data: Uint8Array,
  { channels, height, width }: { readonly channels: number; readonly height: number; readonly width: number },
  cmyk: boolean,
): Pixels {
  const colours = channels < 3 ? 1 : 3;
  if (cmyk || channels === 2 || channels === 4) {
    for (let at = 0; at < data.length; at += channels) {
      const last = data[at + channels - 1]!;
      for (let c = 0; c < colours; c++) {
        const value = data[at + c]!;
        data[at + c] = cmyk ? Math.floor(((255 - value) * (255 - last)) / 255) : Math.round((value * last) / 255 + 255 - last);
      }
    }
  }
  const image = interleaved(data, colours, height, width, channels);
  return colours === 1 ? { ...image, channels: 3, channelStep: 0 } : image;
}
