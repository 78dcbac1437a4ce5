/** @file The small images of test/golden/images.json: files of every kind, and the pixels that sharp reads from them, without CMYK as colours. */
import type { Pixels } from '../../src/data/index.ts';
import golden from '../golden/images.json' with { type: 'json' };

export interface GoldenImage {
  readonly name: string;
  readonly file: Uint8Array<ArrayBuffer>;
  readonly width: number;
  readonly height: number;
  /** [height, width, 3] in red, green and blue. */
  readonly pixels: Uint8Array;
}

function bytes(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
}

export const goldenImages: readonly GoldenImage[] = Object.entries(golden.images).map(
  ([name, { width, height, channels, file, pixels }]) => {
    const read = bytes(pixels);
    // What light ink and black leave of white: (255 - ink) (255 - black) / 255.
    const inColour = Uint8Array.from({ length: 3 * width * height }, (_, i) => {
      const [at, c] = [Math.floor(i / 3) * 4, i % 3];
      return Math.floor(((255 - read[at + c]!) * (255 - read[at + 3]!)) / 255);
    });
    return { name, file: bytes(file), width, height, pixels: channels === 4 ? inColour : read };
  },
);

export function goldenImage(name: string): GoldenImage {
  const found = goldenImages.find((image) => image.name === name);
  if (!found) throw new Error(`no golden image ${name}`);
  return found;
}

/** An image's pixels, [height, width, channels] after one another, whatever its steps. */
export function listed({ data, channels, height, width, channelStep, rowStep, columnStep }: Pixels): number[] {
  const out: number[] = [];
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let c = 0; c < channels; c++) out.push(data[c * channelStep + y * rowStep + x * columnStep]!);
  return out;
}

/** The largest difference of two lists of pixels. */
export function farthest(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return Array.from(a).reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), a.length === b.length ? 0 : Infinity);
}
