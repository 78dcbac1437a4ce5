/** @file Images decoded by sharp: every kind in the same pixels as a page's, what it finds of damage, and what JPEG and WebP cannot tell. */
import { expect, it } from 'vitest';
import { DataFileError, ReparamError } from '../../src/contract/errors.ts';
import { checkImage, type Pixels } from '../../src/data/index.ts';
import { sharpDecoder } from '../../src/data/sharp.node.ts';
import { animatedPng } from '../support/animated-png.ts';
import { farthest, goldenImage, goldenImages, listed } from '../support/golden-images.ts';

const decoder = await sharpDecoder();
const decode = async (name: string, bytes: Uint8Array): Promise<Pixels> => decoder({ name, bytes }, checkImage({ name, bytes }));

it.for(goldenImages)('$name is read in three channels of 8 bits', async ({ name, file, width, height, pixels }) => {
  const image = await decode(name, file);
  expect([image.width, image.height, image.channels]).toEqual([width, height, 3]);
  // Another build of libvips may round a JPEG otherwise.
  expect(farthest(listed(image), pixels)).toBeLessThanOrEqual(/^jpeg|^webpLossy|Transparent$/.test(name) ? 1 : 0);
});

it('orientation is applied: the eight of EXIF turn and mirror one picture', async () => {
  const plain = goldenImage('jpegOriented1');
  const at = (image: { readonly pixels: Uint8Array; readonly width: number }, y: number, x: number): number =>
    image.pixels[3 * (y * image.width + x)]!;
  const { width: w, height: h } = plain;
  // Where the upright picture's (y, x) is in the stored one: TIFF 6.0, tag 274.
  const stored: Readonly<Record<number, (y: number, x: number) => [number, number]>> = {
    2: (y, x) => [y, w - 1 - x],
    3: (y, x) => [h - 1 - y, w - 1 - x],
    4: (y, x) => [h - 1 - y, x],
    5: (y, x) => [x, y],
    6: (y, x) => [h - 1 - x, y],
    7: (y, x) => [h - 1 - x, w - 1 - y],
    8: (y, x) => [x, w - 1 - y],
  };
  for (const [orientation, place] of Object.entries(stored)) {
    const name = `jpegOriented${orientation}`;
    const image = await decode(name, goldenImage(name).file);
    const upright = { pixels: Uint8Array.from(listed(image)), width: image.width };
    for (let y = 0; y < image.height; y++)
      for (let x = 0; x < image.width; x++) expect(at(upright, y, x), name).toBe(at(plain, ...place(y, x)));
  }
});

it('16 bits are cut to the upper 8, a transparent pixel lies over white, an animation is its first frame', async () => {
  const deep = (i: number): number => ((i * 40503) % 65536) >> 8;
  const image = listed(await decode('a.png', goldenImage('png16').file));
  expect(image).toEqual(Array.from(image, (_, i) => deep(i)));
  const { file } = goldenImage('webpAnimated');
  const first = goldenImage('pngColour');
  expect(listed(await decode('a.webp', file))).toEqual([...first.pixels]);
  const animated = await animatedPng(first.file, first);
  expect(animated.length).toBeGreaterThan(first.file.length + 100);
  expect(listed(await decode('a.png', animated))).toEqual([...first.pixels]);
  const { pixels } = goldenImage('pngTransparent');
  expect(pixels.some((value) => value < 100) && pixels.some((value) => value > 200)).toBe(true);
});

/** What becomes of a file when one bit of each byte in turn is turned. */
async function flips(name: string): Promise<{ refused: number; same: number; changed: number }> {
  const { file, pixels } = goldenImage(name);
  const counts = { refused: 0, same: 0, changed: 0 };
  for (let i = 0; i < file.length; i++) {
    const flipped = file.slice();
    flipped[i]! ^= 1 << (i % 8);
    try {
      const image = await decode(name, flipped);
      counts[farthest(listed(image), pixels) === 0 ? 'same' : 'changed']++;
    } catch (error) {
      if (!(error instanceof ReparamError) || error.message.includes('\n')) throw error;
      counts.refused++;
    }
  }
  return counts;
}

it('every flipped bit of a PNG is refused; of a JPEG and a WebP some change the picture unseen, as docs/data.md says', async () => {
  for (const name of ['pngColour', 'pngPalette', 'png16']) expect(await flips(name), name).toMatchObject({ same: 0, changed: 0 });
  for (const name of ['jpegColour', 'webpLossy']) expect((await flips(name)).changed, name).toBeGreaterThan(10);
});

it('a file that ends early is refused, in whatever format and wherever it ends', async () => {
  for (const { name, file } of goldenImages) {
    const lengths = [0, 1, 8, 20, Math.floor(file.length / 2), file.length - 3].filter((length) => length < file.length);
    for (const length of lengths) {
      const read = decode(name, file.subarray(0, length));
      await expect(read, `${name} ${length}`).rejects.toThrow(ReparamError);
    }
  }
});

it("what sharp itself refuses is one line that names the file, and sharp's own limit is the asked one", async () => {
  const { file } = goldenImage('pngColour');
  const header = checkImage({ name: 'a.png', bytes: file });
  await expect(decoder({ name: 'a.png', bytes: file.subarray(0, 60) }, header)).rejects.toThrow(
    /^a\.png: this PNG does not decode: [^\n]+$/,
  );
  const small = await sharpDecoder(100);
  await expect(small({ name: 'a.png', bytes: file }, header)).rejects.toThrow(DataFileError);
});
