/** @file Items without labels from single files, as a network of known inputs takes them: PNG, JPEG, WebP, IDX images, .npz arrays. */
import { readFile } from 'node:fs/promises';
import { DataFileError, DataFormatError } from '../contract/errors.ts';
import type { DecodeImage } from './class-folders.ts';
import { type Dataset, imageSize, itemShape, type NamedBytes } from './dataset.ts';
import { gunzip } from './gzip.ts';
import { parseIdx } from './idx.ts';
import { checkImage } from './image-format.ts';
import { type Items, readNpzItems } from './npz.ts';
import type { Reading } from './reading.ts';
import { type Pixels, planar, resample } from './resample.ts';
import { sharpDecoder } from './sharp.node.ts';

/** What a network takes, and how items are brought to it. */
export interface WantedItems {
  /** [channels, height, width] of images, [d] of vectors. */
  readonly shape: readonly number[];
  /** Absent: images of another size are refused. */
  readonly fit?: Reading['fit'];
  /** .npz: which axis is the channels, where the sizes do not say. */
  readonly layout?: Reading['layout'];
}

/** The items of a file as a data set, all labelled 0, of `classes` classes; `single` for a file that is one image. */
export interface UnlabelledItems {
  readonly data: Dataset;
  readonly single: boolean;
}

/** Reads files of items one after another; sharp is loaded for the first that is an image. */
export class ItemReader {
  readonly #wanted: WantedItems;
  readonly #classes: number;
  #decode: Promise<DecodeImage> | undefined;

  constructor(wanted: WantedItems, classes: number) {
    this.#wanted = wanted;
    this.#classes = classes;
  }

  /** DataFileError or DataFormatError naming the file where it is damaged, of no format that is read, or of another shape. */
  async read(name: string): Promise<UnlabelledItems> {
    const bytes = await readFile(name);
    if (bytes[0] === 0x50 && bytes[1] === 0x4b) {
      const { layout } = this.#wanted;
      return { data: this.#brought(name, await readNpzItems({ name, bytes }, layout ? { layout } : {})), single: false };
    }
    const file = bytes[0] === 0x1f && bytes[1] === 0x8b ? await gunzip({ name, bytes }) : { name, bytes };
    if (file.bytes[0] === 0 && file.bytes[1] === 0) return { data: this.#brought(name, idxItems(file)), single: false };
    return { data: await this.#image(file), single: true };
  }

  async #image(file: NamedBytes): Promise<Dataset> {
    const header = checkImage(file);
    this.#decode ??= sharpDecoder();
    const decode = await this.#decode;
    return this.#dataset(this.#pixels(file.name, await decode(file, header)));
  }

  #brought(name: string, items: Items): Dataset {
    const { images, channels, height, width } = items;
    const data: Dataset = { ...items, labels: new Uint8Array(0), classes: this.#classes };
    const shape = itemShape(data);
    const wanted = this.#wanted.shape;
    if (shape.length !== wanted.length || (shape.length === 1 && shape[0] !== wanted[0]))
      throw new DataFileError(`${name} has items of [${shape.join(', ')}], and the network takes [${wanted.join(', ')}]`);
    if (shape.length === 1) return this.#dataset(images, items);
    const size = imageSize(data);
    const parts = Array.from({ length: images.length / size }, (_, i) =>
      this.#pixels(name, planar(images.subarray(i * size, (i + 1) * size), channels, height, width)),
    );
    const all =
      images instanceof Uint8Array ? new Uint8Array(parts.length * this.#size) : new Float32Array(parts.length * this.#size);
    parts.forEach((part, i) => all.set(part, i * this.#size));
    return this.#dataset(all);
  }

  /** An image in the wanted size and colour. */
  #pixels(name: string, image: Pixels): Dataset['images'] {
    const { shape, fit } = this.#wanted;
    const [channels, height, width] = shape;
    if (channels === undefined || height === undefined || width === undefined)
      throw new DataFileError(
        `${name} is an image, and the network takes vectors of ${channels ?? 0} numbers: give a .npz with 'x'`,
      );
    const size = this.#sizeFor(name, image, height, width);
    const colour = channels === image.channels ? undefined : channels === 1 ? 'grey' : channels === 3 ? 'rgb' : undefined;
    if (channels !== image.channels && colour === undefined)
      throw new DataFileError(`${name} has ${image.channels} channels, and the network takes ${channels}`);
    const out = image.data instanceof Float32Array ? new Float32Array(this.#size) : new Uint8Array(this.#size);
    resample(name, image, { ...(size !== undefined && { size, fit: fit! }), ...(colour && { colour }) }, out);
    return out;
  }

  /** The size to ask for; undefined where the image has it. */
  #sizeFor(name: string, image: Pixels, height: number, width: number): number | undefined {
    if (image.height === height && image.width === width) return undefined;
    const has = `${name} has ${image.width} x ${image.height} pixels, and the network takes ${width} x ${height}`;
    if (height !== width) throw new DataFileError(`${has}, which is no square: bring it to that size first`);
    if (this.#wanted.fit === undefined)
      throw new DataFileError(`${has}: say how it is brought to that size (--fit crop or --fit stretch)`);
    return height;
  }

  get #size(): number {
    return this.#wanted.shape.reduce((a, b) => a * b, 1);
  }

  #dataset(images: Dataset['images'], like?: Items): Dataset {
    const [channels = 1, height = 1, width = 1] = this.#wanted.shape;
    return {
      images,
      labels: new Uint8Array(images.length / this.#size),
      ...{ channels, height, width },
      classes: this.#classes,
      ...(like?.shape && { shape: like.shape }),
    };
  }
}

function idxItems(file: NamedBytes): Items {
  const { shape, data } = parseIdx(file);
  const [, height, width] = shape;
  if (shape.length !== 3 || height === undefined || width === undefined)
    throw new DataFormatError(file.name, 3, `images have 3 dimensions [n, h, w], not [${shape.join(', ')}]`);
  return { images: data, channels: 1, height, width };
}
