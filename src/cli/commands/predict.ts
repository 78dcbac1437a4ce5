/** @file `reparam predict`: what the child that a search found takes files for, with probabilities. */
/// <reference lib="esnext.disposable" preserve="true" />
import type { Command } from 'commander';
import { chooseDevice } from '../../command/device.ts';
import { StopRequest } from '../../command/stop.ts';
import { quote } from '../../contract/quote.ts';
import type { StopSignal } from '../../contract/stop-signal.ts';
import type { Device } from '../../core/tensor.ts';
import type { BatchSource } from '../../data/index.ts';
import type { Layer } from '../../nn/module.ts';
import type { Reading } from '../../data/reading.ts';
import { ItemReader } from '../../data/unlabelled.node.ts';
import { outputs, type Prediction, predictions } from '../../snas/child/predictions.ts';
import { type PredictFlags, predictSettings } from '../settings/evaluate.ts';
import { addOptions } from '../settings/setting.ts';
import { RunChild } from '../shared/run-child.ts';

export function registerPredict(program: Command): void {
  const command = program
    .command('predict')
    .description(
      'say what the child of a search takes files for: a line each, file, class and probability (of a regression its numbers), divided by tabs',
    )
    .argument('<run>', 'the folder of a search that has ended, or of a train --from')
    .argument('<files...>', 'PNG, JPEG or WebP (package sharp); or IDX images or a .npz, with a line an item');
  addOptions(command, predictSettings).action((run: string, files: readonly string[], flags: PredictFlags) =>
    runPredict(run, files, flags),
  );
}

async function runPredict(run: string, files: readonly string[], flags: PredictFlags): Promise<void> {
  const child = await RunChild.read(run);
  using stop = StopRequest.listen(() => {});
  const { saved } = child;
  const device = await chooseDevice(flags.device, (line) => void process.stderr.write(`${line}\n`));
  const network = child.load(device);
  const fit = flags.fit ?? fitOf(saved.reading);
  const reader = new ItemReader(
    { shape: saved.item, ...(fit && { fit }), ...(flags.layout && { layout: flags.layout }) },
    saved.classes,
  );
  try {
    for (const file of files) {
      stop.signal.throwIfAborted();
      const { data, single } = await reader.read(file);
      let index = 0;
      for await (const columns of columnsOf(child, device, network, child.source(data, file), flags.top, stop.signal))
        process.stdout.write(`${[`${shown(file)}${single ? '' : `[${index++}]`}`, ...columns].join('\t')}\n`);
    }
  } catch (error) {
    if (!stop.signal.aborted || error !== stop.signal.reason) throw error;
  } finally {
    network.dispose();
  }
}

/** Classes with their probabilities; of a regression the numbers. */
async function* columnsOf(
  { saved }: RunChild,
  device: Device,
  network: Layer,
  source: BatchSource,
  top: number,
  signal: StopSignal,
): AsyncGenerator<string[], void, void> {
  if (saved.targets === 'numbers') {
    for await (const row of outputs(device, network, source, { signal })) yield row.map((value) => value.toPrecision(6));
    return;
  }
  for await (const prediction of predictions(device, network, source, { signal })) yield best(prediction, top, saved.classNames);
}

/** As the search brought its images to their size. */
function fitOf(reading: Reading | undefined): Reading['fit'] {
  return reading?.size === undefined ? undefined : (reading.fit ?? 'crop');
}

/** Class, probability, and the next. */
function best({ logProbabilities }: Prediction, top: number, names: readonly string[] | undefined): string[] {
  return logProbabilities
    .map((logProbability, label) => ({ logProbability, label }))
    .toSorted((a, b) => b.logProbability - a.logProbability || a.label - b.label)
    .slice(0, top)
    .flatMap(({ logProbability, label }) => [shown(names?.[label] ?? String(label)), Math.exp(logProbability).toFixed(4)]);
}

/** As it is, but where it would break the line or the column. */
function shown(text: string): string {
  return quote(text, Infinity).slice(1, -1);
}
