/**
 * @file What a run is: the settings and the images that decide its result, which a checkpoint carries and a resume compares; and where it runs,
 * which decides its last bits.
 */
import type { Device } from '../../core/tensor.ts';
import { type Dataset, imageSize } from '../../data/dataset.ts';
import { nodeSha256 } from '../../files/listed-folder.ts';
import { version } from '../../command/version.ts';
import type { RunConfig } from '../settings/search.ts';

/** Values by their place: { 'search.seed': 5, ... }, in order of place. */
export type FlatSettings = Readonly<Record<string, unknown>>;

export interface RunIdentity {
  /** All that decides the result, but for the images and `search.epochs`, which may be raised. */
  readonly settings: FlatSettings;
  readonly epochs: number;
  /** 'mnist', or the folder. */
  readonly data: string;
  /** SHA-256 of the images and labels that the run uses: training, validation and test. */
  readonly dataDigest: string;
  readonly environment: Environment;
}

/** What may change the last bits of a result. */
export interface Environment {
  readonly reparam: string;
  readonly node: string;
  /** The device's name, which says its kernels too: 'cpu float32 (WASM SIMD)'. */
  readonly device: string;
}

export function environmentOf(device: Device): Environment {
  return { reparam: version, node: process.version, device: device.name };
}

/** Places of the config that do not decide the result: what it is compared by otherwise, where values came from, and what may change. */
const FREE = /^(format|preset|data|device|adapter|versions\..*|credits|keepWeights|standardise\..*|search\.epochs)$/;

/** What must be the same when a run is resumed. */
export function settingsOf(config: RunConfig): FlatSettings {
  const kept = [...places(config)].filter(([place]) => !FREE.test(place));
  return Object.fromEntries(kept.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The values of nested settings by their place, in order of place. */
export function flatSettings(settings: object): FlatSettings {
  return Object.fromEntries([...places(settings)].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function* places(value: object, prefix = ''): Generator<[string, unknown]> {
  for (const [name, part] of Object.entries(value) as [string, unknown][]) {
    if (typeof part === 'object' && part !== null && !Array.isArray(part)) yield* places(part, `${prefix}${name}.`);
    else yield [prefix + name, part];
  }
}

/** 'search.seed is 6, where the checkpoint has 5', a text for each place that differs. */
export function differences(now: FlatSettings, saved: FlatSettings): string[] {
  const show = (settings: FlatSettings, place: string): string =>
    Object.hasOwn(settings, place) ? JSON.stringify(settings[place]) : 'not there';
  return [...new Set([...Object.keys(now), ...Object.keys(saved)])]
    .map((place) => [place, show(now, place), show(saved, place)] as const)
    .filter(([, a, b]) => a !== b)
    .map(([place, a, b]) => `${place} is ${a}, where the checkpoint has ${b}`);
}

/** SHA-256 of the sizes, images and labels of some datasets. */
export function digestOf(datasets: readonly Dataset[]): string {
  return nodeSha256(
    ...datasets.flatMap((d) => [
      Buffer.from(JSON.stringify([d.labels.length, imageSize(d), d.channels, d.height, d.width, d.classes, ...(d.shape ?? [])])),
      bytesOf(d.images),
      bytesOf(d.labels),
    ]),
  );
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** The metadata of a checkpoint. */
export function identityMetadata(identity: RunIdentity): Record<string, string> {
  const settings = JSON.stringify(identity.settings);
  return {
    settings,
    'settings.sha256': nodeSha256(Buffer.from(settings)),
    epochs: String(identity.epochs),
    data: identity.data,
    'data.sha256': identity.dataDigest,
    environment: JSON.stringify(identity.environment),
  };
}

/** What differs between a run and what a checkpoint says of its own; nothing for a checkpoint of an earlier version, which says nothing. */
export function identityDifferences(now: RunIdentity, metadata: Readonly<Record<string, string>>): string[] {
  const { settings, data, epochs, 'data.sha256': digest } = metadata;
  if (settings === undefined) return [];
  const found = differences(now.settings, parsed(settings));
  if (Number(epochs) > now.epochs)
    found.push(`search.epochs is ${now.epochs}, where the checkpoint has ${epochs}: it may only be raised`);
  if (data !== now.data) found.push(`data is ${now.data}, where the checkpoint has ${data}`);
  else if (digest !== now.dataDigest) found.push(`the images in ${now.data} are not those of the checkpoint`);
  return found;
}

/** 'Node v18.0.0, now v20.20.2', a text for each part of where the run began that is otherwise now. */
export function environmentDifferences(now: Environment, begun: Partial<Environment>): string[] {
  const names = { reparam: 'reparam', node: 'Node', device: 'device' } as const;
  return (['reparam', 'node', 'device'] as const)
    .filter((part) => begun[part] !== undefined && begun[part] !== now[part])
    .map((part) => `${names[part]} ${begun[part]}, now ${now[part]}`);
}

/** What a checkpoint says of where it was made. */
export function environmentIn(metadata: Readonly<Record<string, string>>): Partial<Environment> {
  const { reparam, node, device } = parsed(metadata['environment'] ?? '{}');
  return {
    ...(typeof reparam === 'string' && { reparam }),
    ...(typeof node === 'string' && { node }),
    ...(typeof device === 'string' && { device }),
  };
}

function parsed(text: string): FlatSettings {
  const value: unknown = JSON.parse(text);
  return typeof value === 'object' && value !== null ? (value as FlatSettings) : {};
}
