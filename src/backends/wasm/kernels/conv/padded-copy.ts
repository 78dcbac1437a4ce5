/** @file Padded copies of an input's channels, in which the window's offsets are offsets in memory. */
import { call, type FunctionReference, type FunctionWriter, type Local } from '../../runtime/assembler.ts';
import { type Code, i32 } from '../../runtime/instructions.ts';

/** The parameters of a kernel that say how an item's channels are copied: sizes and steps in bytes but for `inputs`. */
export const PADDED_COPY = [
  'inputs',
  'channelBytes',
  'copies',
  'copiesEnd',
  'copyPitch',
  'copyStepY',
  'copyStepX',
  'packed',
  'packedChannelBytes',
  'packedBytes',
] as const;
export type PaddedCopy = (typeof PADDED_COPY)[number];

/** Copies the channels of an item into their padded phases. */
export function copyPadded(
  f: FunctionWriter,
  get: (name: PaddedCopy) => Code,
  copy: FunctionReference,
  from: Local,
  to: Local,
): Code {
  const { channel, source, target, entry } = f.locals('i32', 'channel source target entry');
  return [
    ...source.set(from.get),
    ...target.set(to.get),
    ...f.loop(channel, i32.const(0), get('inputs'), 1, [
      ...f.walk(
        entry,
        get('copies'),
        get('copiesEnd'),
        16,
        call(
          copy,
          i32.add(source.get, i32.load(entry.get, 0)),
          get('copyStepY'),
          get('copyStepX'),
          i32.add(target.get, i32.load(entry.get, 4)),
          get('copyPitch'),
          i32.const(4),
          i32.load(entry.get, 8),
          i32.load(entry.get, 12),
        ),
      ),
      ...source.advance(get('channelBytes')),
      ...target.advance(get('packedChannelBytes')),
    ]),
  ];
}
