/** @file Waves: which commands of a captured step can be done side by side. */

/** What a command reads, and what it writes or changes. */
export interface Access<M> {
  readonly reads: readonly M[];
  readonly writes: readonly M[];
}

/**
 * The wave of each command: the first in which all that it depends on has been done. Commands of one wave neither write what another of
 * them reads nor what it writes.
 */
export function wavesOf<M>(commands: readonly Access<M>[]): number[] {
  const written = new Map<M, number>();
  const read = new Map<M, number>();
  return commands.map(({ reads, writes }) => {
    let wave = 0;
    for (const memory of reads) wave = Math.max(wave, (written.get(memory) ?? -1) + 1);
    for (const memory of writes) wave = Math.max(wave, (written.get(memory) ?? -1) + 1, (read.get(memory) ?? -1) + 1);
    for (const memory of reads) read.set(memory, Math.max(read.get(memory) ?? -1, wave));
    for (const memory of writes) written.set(memory, wave);
    return wave;
  });
}
