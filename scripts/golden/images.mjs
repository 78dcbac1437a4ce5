// Makes test/golden/images.json with sharp: small images of every kind that is read, as files and as sharp's pixels, and damaged ones.
//   node scripts/golden/images.mjs        (made with sharp 0.35.5, libvips 8.18.7)
import { writeFileSync } from 'node:fs';
import sharp from 'sharp';

const [width, height] = [24, 16];
/** Smooth in x and y, of another phase a channel; the noise is a multiplicative generator's. */
function pixels(channels, noise, seed = 1) {
  const data = new Uint8Array(width * height * channels);
  let state = seed;
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < channels; c++, i++) {
        state = (state * 48271) % 0x7fffffff;
        const smooth = 128 + 70 * Math.sin(x / 4 + c) + 50 * Math.cos((y * (c + 1)) / 5);
        data[i] = Math.max(0, Math.min(255, Math.round(noise ? state % 256 : smooth)));
      }
    }
  }
  return data;
}
const image = (channels, noise = false, seed = 1) => sharp(pixels(channels, noise, seed), { raw: { width, height, channels } });
const deep = Uint16Array.from({ length: width * height * 3 }, (_, i) => (i * 40503) % 65536);
const files = {
  pngColour: image(3, true).png(),
  pngInterlaced: image(3, true).png({ progressive: true }),
  pngPalette: image(3).png({ palette: true, colours: 16 }),
  pngGrey: image(3, true).greyscale().png(),
  pngTransparent: image(4, true).png(),
  pngGreyTransparent: image(4, true).greyscale().png(),
  png16: sharp(deep, { raw: { width, height, channels: 3 } })
    .toColourspace('rgb16')
    .png(),
  pngGrey16: sharp(deep.subarray(0, width * height), { raw: { width, height, channels: 1 } })
    .toColourspace('grey16')
    .png(),
  pngProfile: image(3, true).withIccProfile('p3').png(),
  pngOnePixel: sharp(Uint8Array.of(1, 2, 3), { raw: { width: 1, height: 1, channels: 3 } }).png(),
  jpegColour: image(3).jpeg({ quality: 90 }),
  jpegNoise: image(3, true).jpeg({ quality: 60 }),
  jpegFull: image(3, true).jpeg({ quality: 90, chromaSubsampling: '4:4:4' }),
  jpegProgressive: image(3).jpeg({ progressive: true }),
  jpegGrey: image(3).greyscale().jpeg(),
  jpegCmyk: image(3).toColourspace('cmyk').jpeg({ quality: 95 }),
  webpLossless: image(3, true).webp({ lossless: true }),
  webpTransparent: image(4, true).webp({ lossless: true, exact: true }),
  webpLossy: image(3).webp({ quality: 80 }),
  webpAnimated: sharp([await image(3, true).png().toBuffer(), await image(3, true, 7).png().toBuffer()], {
    join: { animated: true },
  }).webp({ lossless: true, loop: 0 }),
};
for (let orientation = 1; orientation <= 8; orientation++)
  files[`jpegOriented${orientation}`] = image(3).jpeg({ quality: 95 }).withMetadata({ orientation });

const golden = { made: `sharp ${sharp.versions.sharp}, libvips ${sharp.versions.vips}`, images: {} };
for (const [name, made] of Object.entries(files)) {
  const file = await made.toBuffer();
  // CMYK is left as it is: libvips would take a profile of its own to colours. White paper is laid under what is transparent.
  const cmyk = name === 'jpegCmyk';
  const opened = sharp(file, { autoOrient: true, ignoreIcc: true });
  const { data, info } = await (
    cmyk ? opened.pipelineColourspace('cmyk').toColourspace('cmyk') : opened.flatten({ background: 'white' }).toColourspace('srgb')
  )
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  golden.images[name] = {
    width: info.width,
    height: info.height,
    channels: info.channels,
    file: file.toString('base64'),
    pixels: data.toString('base64'),
  };
}
writeFileSync(new URL('../../test/golden/images.json', import.meta.url), `${JSON.stringify(golden, undefined, 1)}\n`);
