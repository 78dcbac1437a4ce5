/** @file Loading data with a bar on the terminal, for decoding many images takes its time. */
import { loadData, type Reading, type TrainTest } from '../../data/files.node.ts';
import type { Progress } from './progress.ts';

export async function loadShown(
  name: string,
  reading: Reading,
  flags: { readonly quiet?: boolean },
  progress: Progress,
): Promise<TrainTest> {
  if (flags.quiet === true) return loadData(name, reading);
  try {
    return await loadData(name, {
      ...reading,
      onProgress: (done, of) => progress.update(done / of, `${done} of ${of} images decoded`),
    });
  } finally {
    progress.clear();
  }
}
