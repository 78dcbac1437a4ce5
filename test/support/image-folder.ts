/** @file A folder of class folders of small PNG, JPEG and WebP images, made by sharp: each class has a colour, and noise around it. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import sharp from 'sharp';

const COLOURS = [
  [200, 60, 60],
  [60, 200, 60],
  [60, 60, 200],
] as const;
const SUFFIXES = ['png', 'jpg', 'webp'] as const;

/** Writes `count` images of each of three classes, width x height pixels, in the three formats by turns. Returns the folder. */
export async function writeImageFolder(
  folder: string,
  count: number,
  [width, height]: readonly [number, number] = [12, 10],
): Promise<string> {
  let state = 1;
  const random = (): number => (state = (state * 48271) % 0x7fffffff) / 0x7fffffff;
  for (const [label, colour] of COLOURS.entries()) {
    const at = path.join(folder, `class-${'abc'[label]}`);
    mkdirSync(at, { recursive: true });
    for (let i = 0; i < count; i++) {
      const data = Uint8Array.from({ length: width * height * 3 }, (_, k) => colour[k % 3]! + Math.floor(40 * random()));
      const image = sharp(data, { raw: { width, height, channels: 3 } });
      const suffix = SUFFIXES[i % 3]!;
      const bytes = await (suffix === 'png' ? image.png() : suffix === 'jpg' ? image.jpeg() : image.webp()).toBuffer();
      writeFileSync(path.join(at, `${i}.${suffix}`), bytes);
    }
  }
  return folder;
}
