/** @file `reparam evaluate`: accuracy, loss and confusion of the child that a search found, on any labelled images. */
/// <reference lib="esnext.disposable" preserve="true" />
import type { Command } from 'commander';
import { chooseDevice } from '../../command/device.ts';
import type { FolderLock } from '../../command/folder-lock.ts';
import { inFolder } from '../../command/in-folder.ts';
import { StopRequest } from '../../command/stop.ts';
import { textTable } from '../../command/table.ts';
import { UsageError } from '../../command/usage-error.ts';
import { DataFileError } from '../../contract/errors.ts';
import type { StopSignal } from '../../contract/stop-signal.ts';
import type { TrainTest } from '../../data/files.node.ts';
import { absoluteDataName } from '../../data/files.node.ts';
import { concatDatasets, type Dataset } from '../../data/index.ts';
import { ListedFolder } from '../../files/listed-folder.ts';
import { heatMap } from '../../plot/index.ts';
import { type Confusion, confusionOf, predictions } from '../../snas/child/predictions.ts';
import { type EvaluateFlags, evaluateSettings } from '../settings/evaluate.ts';
import { readingOf } from '../settings/reading.ts';
import { addOptions } from '../settings/setting.ts';
import { loadShown } from '../shared/load-shown.ts';
import { Progress } from '../shared/progress.ts';
import { RunChild } from '../shared/run-child.ts';

export function registerEvaluate(program: Command): void {
  const command = program
    .command('evaluate')
    .description('say how good the child of a search is on labelled images, and what it takes for what')
    .argument('<run>', 'the folder of a search that has ended, or of a train --from');
  addOptions(command, evaluateSettings).action((run: string, flags: EvaluateFlags) => runEvaluate(run, flags));
}

async function runEvaluate(run: string, flags: EvaluateFlags): Promise<void> {
  // Before anything is made there.
  const child = await RunChild.read(run);
  using stop = StopRequest.listen((reason) => void process.stderr.write(`\nstopping (${reason}); once more to stop at once\n`));
  await inFolder(flags.out ?? run, async (lock) => {
    try {
      await evaluateIn(lock, child, flags, stop.signal);
    } catch (error) {
      if (!stop.signal.aborted || error !== stop.signal.reason) throw error;
    }
  });
}

async function evaluateIn(lock: FolderLock, child: RunChild, flags: EvaluateFlags, stop: StopSignal): Promise<void> {
  const progress = new Progress();
  const say = (line: string): void => {
    progress.clear();
    if (flags.quiet !== true) process.stdout.write(`${line}\n`);
  };
  const name = flags.data ?? child.saved.data;
  if (name === undefined) throw new UsageError(`--data says on which images; ${child.path} does not say which it was found on`);
  const data = await loadShown(name, child.readingOf(name, readingOf(flags)), flags, progress);
  const images = child.named(partOf(data, flags.part, name), name);
  const source = child.source(images, name);
  const device = await chooseDevice(flags.device, say);
  const network = child.load(device);
  const { space, classes } = child.saved;
  say(`child      ${child.path}, space ${space}, ${network.parameterCount().toLocaleString('en-GB')} parameters`);
  say(`device     ${device.name}`);
  say(
    `data       ${name}: ${images.labels.length} ${flags.part === 'all' ? 'images' : `${flags.part === 'test' ? 'test' : 'training'} images`}`,
  );
  if (data.about !== undefined) say(`           ${data.about}`);
  const onProgress = (done: number, of: number): void => {
    if (flags.quiet !== true) progress.update(done / of, `${done} of ${of} images`);
  };
  let confusion: Confusion;
  try {
    confusion = await confusionOf(predictions(device, network, source, { signal: stop, onProgress }), classes);
  } finally {
    network.dispose();
    progress.clear();
  }
  const names = classNamesOf(child, images);
  process.stdout.write(`accuracy   ${(100 * confusion.accuracy).toFixed(2)} %, loss ${confusion.loss.toFixed(4)} nats\n`);
  say('');
  say(confusionText(confusion, names));
  const folder = await ListedFolder.open(lock.folder);
  await folder.prepare();
  await lock.check();
  const result = { child: child.path, data: absoluteDataName(name), part: flags.part, images: confusion.examples };
  const { accuracy, loss, counts } = confusion;
  await folder.write({
    'confusion.svg': confusionPicture(confusion, names),
    'evaluation.json': `${JSON.stringify({ ...result, accuracy, loss, classes: names, counts }, undefined, 2)}\n`,
  });
  await folder.settle();
  say('');
  say(`picture    ${folder.file('confusion.svg')}`);
}

function partOf({ train, test }: TrainTest, part: EvaluateFlags['part'], name: string): Dataset {
  const images = part === 'all' ? concatDatasets([train, { ...test, classes: train.classes }]) : part === 'train' ? train : test;
  if (images.labels.length === 0)
    throw new DataFileError(`${name} holds no ${part === 'test' ? 'test' : 'training'} images: take another --part or --data`);
  if (images.classes === 0) throw new DataFileError(`${name}: its labels are numbers to be predicted and no classes`);
  return images;
}

/** Names for all classes; numbers where nobody gave any. */
function classNamesOf(child: RunChild, { classNames }: Dataset): string[] {
  const names = child.saved.classNames ?? classNames;
  return Array.from({ length: child.saved.classes }, (_, label) => names?.[label] ?? String(label));
}

/** More columns than this fill no terminal. */
const WIDEST = 20;

/** The table, rows labels and columns classes that were predicted; of many classes those that are taken for one another most often. */
export function confusionText({ counts }: Confusion, names: readonly string[]): string {
  const of = (row: readonly number[]): number => row.reduce((a, b) => a + b, 0);
  if (names.length <= WIDEST)
    return [
      'rows are labels, columns what was predicted',
      textTable([
        ['', ...names, 'right'],
        ...counts.map((row, label) => [
          names[label]!,
          ...row.map(String),
          of(row) > 0 ? `${((100 * row[label]!) / of(row)).toFixed(1)} %` : '-',
        ]),
      ]),
    ].join('\n');
  const pairs = counts
    .flatMap((row, label) => row.map((count, predicted) => ({ label, predicted, count })))
    .filter(({ label, predicted, count }) => label !== predicted && count > 0)
    .toSorted((a, b) => b.count - a.count || a.label - b.label || a.predicted - b.predicted)
    .slice(0, WIDEST);
  return [
    `${names.length} classes; taken for another most often:`,
    textTable([
      ['label', 'predicted', 'images'],
      ...pairs.map(({ label, predicted, count }) => [names[label]!, names[predicted]!, String(count)]),
    ]),
  ].join('\n');
}

/** The same as a heat map: each row a fraction of its label's images. */
export function confusionPicture({ counts, accuracy, examples }: Confusion, names: readonly string[]): string {
  return heatMap({
    title: 'What was taken for what',
    description: `Of ${examples} images ${(100 * accuracy).toFixed(2)} % are right. Each row holds the fractions of one label's images by the class that was predicted.`,
    rows: names,
    columns: names,
    values: counts.map((row) => {
      const all = row.reduce((a, b) => a + b, 0);
      return row.map((count) => count / all);
    }),
    xLabel: 'predicted',
    yLabel: 'label',
    colours: 'sequential',
  });
}
