/** @file Changes a byte of a checkpoint, of weights and of every other file of a run in turn: all are noticed. */
import { open, rm, stat } from 'node:fs/promises';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { readWeights } from '../src/files/weights.ts';
import { randomNumbers } from './random.ts';
import { tinyRun } from './tiny-run.ts';
import { trial } from './trial.ts';

export interface FlipOptions {
  /** Random ones of the files of a default search, after every byte of a small checkpoint. */
  readonly flips: number;
  readonly seed: number;
  readonly say: (line: string) => void;
}

export async function flips({
  flips: wanted,
  seed,
  say,
}: FlipOptions): Promise<{ readonly line: string; readonly failed: boolean }> {
  const run = await tinyRun('flips');
  const random = randomNumbers(seed);
  const started = performance.now();
  let missed = 0;
  /** Whether reading the file fails once this byte is another. */
  const noticed = async (file: string, at: number): Promise<boolean> => {
    const handle = await open(file, 'r+');
    const was = new Uint8Array(1);
    await handle.read(was, 0, 1, at);
    const flipped = Uint8Array.of(was[0]! ^ (1 << Math.floor(random() * 8)));
    await handle.write(flipped, 0, 1, at);
    const error = await readWeights(file).then(
      () => undefined,
      (e: unknown) => e,
    );
    await handle.write(was, 0, 1, at);
    await handle.close();
    const right = error instanceof Error && error.message.includes(path.basename(file));
    if (!right && missed++ < 10)
      say(`${path.basename(file)}: byte ${at}: ${error instanceof Error ? error.message : 'not noticed'}`);
    return right;
  };
  const small = path.join(run.scratch, 'unbroken');
  const checkpoint = readdirSync(small).filter((name) => name.startsWith('checkpoint') && name.endsWith('.safetensors'))[0]!;
  const file = path.join(small, checkpoint);
  const { size: length } = await stat(file);
  let every = 0;
  for (let at = 0; at < length; at++) if (await noticed(file, at)) every++;
  say(`${every} of ${length} bytes of a small checkpoint`);
  const large = path.join(run.scratch, 'default');
  const images = ['--epochs', '1', '--train-images', '256', '--validation-images', '64'];
  const ended = await trial(['search', '--device', 'cpu', ...images, '--out', large, '--quiet'], {
    optimised: true,
    timeout: 1_800_000,
  });
  if (ended.code !== 0) throw new Error(`the default search ended with ${ended.code}: ${ended.err}`);
  const weights = readdirSync(large).filter((name) => name.endsWith('.safetensors'));
  say(`a default run: ${weights.join(', ')}`);
  let some = 0;
  for (let i = 0; i < wanted; i++) {
    const name = path.join(large, weights[i % weights.length]!);
    const { size: bytes } = await stat(name);
    // Half of them in the header.
    if (await noticed(name, Math.floor(random() * (i % 2 === 0 ? bytes : 4096)))) some++;
  }
  await readWeights(file);
  await rm(run.scratch, { recursive: true });
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  return {
    failed: every < length || some < wanted,
    line: `changed bytes noticed: ${every} of ${length} of a small checkpoint, ${some} of ${wanted} random ones of a default run; seed ${seed}, ${seconds} s`,
  };
}
