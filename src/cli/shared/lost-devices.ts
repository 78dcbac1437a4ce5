/** @file Work that outlives its device: where that is lost, a new one is opened and the work goes on from what it has saved. */
import { DeviceLostError, NoAdapterError } from '../../contract/errors.ts';
import type { Device } from '../../core/tensor.ts';
import { note } from './progress.ts';

/** Losses in a row, with nothing saved between them, after which the work is given up. */
export const MOST_LOSSES = 5;

/** Milliseconds before a new device is opened after the n-th loss in a row: a driver that was reset needs a moment. */
const PAUSES = [0, 100, 500, 1000, 2000] as const;

export interface DurableWork<T> {
  /** The first device. */
  readonly device: Device;
  /** Opens another one like it. */
  readonly open: () => Promise<Device>;
  /** Begins, or goes on from what was saved last. */
  readonly run: (device: Device) => Promise<T>;
  /** How far the work is that was saved: a number that grows. */
  readonly saved: () => number;
}

/** Does the work on one device after another. DeviceLostError in one line if they are lost again and again. */
export async function onDevices<T>({ device: first, open, run, saved }: DurableWork<T>): Promise<T> {
  let device: Device | undefined = first;
  let losses = 0;
  let before = saved();
  for (;;) {
    try {
      device ??= await open();
      return await run(device);
    } catch (error) {
      if (!isLoss(error, losses)) throw error;
      device?.destroy();
      device = undefined;
      losses = saved() > before ? 1 : losses + 1;
      before = saved();
      if (losses >= MOST_LOSSES) {
        throw new DeviceLostError(
          `the WebGPU device was lost ${losses} times and nothing could be saved between (last: ${error.message}): ` +
            'look at the driver, or use --device cpu; what was saved can be continued with --resume',
          { cause: error },
        );
      }
      note(
        `the WebGPU device is lost; opening another one and going on from what was saved last (loss ${losses} of ${MOST_LOSSES})`,
      );
      const pause = PAUSES[losses - 1] ?? 0;
      await new Promise((resolve) => void setTimeout(resolve, pause));
    }
  }
}

/** A driver that was reset may have no adapter for a moment. */
function isLoss(error: unknown, losses: number): error is Error {
  return error instanceof DeviceLostError || (losses > 0 && error instanceof NoAdapterError);
}
