/** @file Flags beside --resume: a run goes on with its own settings, so a flag that says otherwise is refused and not ignored. */
import { type Command, Option } from 'commander';
import path from 'node:path';
import { UsageError } from '../../command/usage-error.ts';
import { absoluteDataName } from '../../data/files.node.ts';
import { type RunConfig, type SearchFlags, searchSettings } from '../settings/search.ts';

/** Flags that do not say what the run is. --epochs may be raised; --credits and --keep-weights may begin or be said again. */
const FREE = new Set(['resume', 'epochs', 'checkpointMinutes', 'credits', 'keepWeights', 'locateNan', 'quiet']);

/** The names of the flags that were typed, as commander has them. */
export function givenFlags(command: Command): ReadonlySet<string> {
  return new Set(Object.keys(command.opts()).filter((name) => command.getOptionValueSource(name) === 'cli'));
}

/** UsageError naming the first flag that cannot hold, with what the run has. `available`: how many training images there are. */
export function checkResumeFlags(flags: SearchFlags, given: ReadonlySet<string>, stored: RunConfig, available: number): void {
  const folder = flags.resume ?? '';
  const refuse = (flag: string, value: unknown, has: string): never => {
    throw new UsageError(
      `${flag} ${typeof value === 'string' ? value : JSON.stringify(value)} cannot hold with --resume: the run in ${folder} has ${has}; ` +
        'leave the flag out, or begin another run without --resume',
    );
  };
  if (given.has('epochs') && flags.epochs !== undefined && flags.epochs < stored.search.epochs)
    refuse('--epochs', flags.epochs, `${stored.search.epochs}, which may only be raised`);
  if (given.has('out') && path.resolve(flags.out ?? '') !== path.resolve(folder)) refuse('--out', flags.out, 'its own folder');
  for (const row of searchSettings) {
    if (!('flag' in row) || !('at' in row)) continue;
    const name = new Option(row.flag).attributeName();
    if (!given.has(name) || FREE.has(name)) continue;
    const value: unknown = Reflect.get(flags, name);
    const has = valueAt(stored, row.at) ?? (row.value === 'natural' ? 0 : row.value === 'yes' ? false : undefined);
    if (!same(row.value, value, has, available))
      refuse(row.flag.split(' ')[0]!, value, has === undefined ? 'none' : JSON.stringify(has));
  }
}

function same(kind: string, value: unknown, has: unknown, available: number): boolean {
  if (kind === 'device' && value === 'auto') return true;
  if (kind === 'images' && typeof value === 'number' && value < 1) return Math.floor(value * available) === has;
  return value === has || (typeof value === 'string' && typeof has === 'string' && absoluteDataName(value) === has);
}

function valueAt(config: object, at: string): unknown {
  return at
    .replaceAll('?', '')
    .split('.')
    .reduce<unknown>((place, name) => (typeof place === 'object' && place !== null ? Reflect.get(place, name) : undefined), config);
}
