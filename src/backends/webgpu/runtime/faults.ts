/** @file What went wrong on the device: the first error since it was last asked for, and whether the device is lost. */
import { DeviceLostError, GpuError, LimitError, type ReparamError } from '../../../contract/errors.ts';

/** Milliseconds. */
const LOSS_IS_TOLD_WITHIN = 500;

/**
 * WebGPU reports errors after the fact and drops the work that caused them. They are collected here and thrown by the next
 * read or `finish()`, so that a dropped command never passes for a result.
 *
 * An error scope is always open: its answer comes in the order of the device's work, while an `uncapturederror` event may
 * come after the result of a read that it spoils. The event still catches what the scope's filter does not.
 */
export class Faults {
  readonly #device: GPUDevice;
  #error: ReparamError | undefined;
  #lost: DeviceLostError | undefined;
  readonly #diagnostics = new Set<Promise<void>>();
  /** Resolves when the device is lost and that has been noted. */
  readonly #loss: Promise<void>;

  constructor(device: GPUDevice) {
    this.#device = device;
    device.pushErrorScope('validation');
    device.addEventListener('uncapturederror', (event) => {
      event.preventDefault();
      this.#error ??= rejected(event.error);
    });
    this.#loss = this.#watchLoss();
  }

  /** From here on every use of the device throws. */
  markDestroyed(): void {
    this.#lost ??= lost('it was destroyed');
  }

  /** Asks for the compiler's messages on a shader, to report errors by kernel name and line. */
  watchCompilation(name: string, module: GPUShaderModule): void {
    const diagnostic = this.#diagnose(name, module);
    this.#diagnostics.add(diagnostic);
    void diagnostic.finally(() => this.#diagnostics.delete(diagnostic));
  }

  /** Makes a buffer; if the driver has no memory for it, the next `collect` has a LimitError. */
  watchAllocation(bytes: number, create: () => GPUBuffer): GPUBuffer {
    this.#device.pushErrorScope('out-of-memory');
    const buffer = create();
    const answer = this.#noteMemory(this.#device.popErrorScope(), bytes);
    this.#diagnostics.add(answer);
    void answer.finally(() => this.#diagnostics.delete(answer));
    return buffer;
  }

  async #noteMemory(scope: Promise<GPUError | null>, bytes: number): Promise<void> {
    try {
      // Better than the errors of commands that use the buffer: it names the cause.
      if (await scope) this.#error = noMemory(bytes);
    } catch {
      // The device is lost, and that is reported by itself.
    }
  }

  /** Throws if the device is lost. */
  check(): void {
    if (this.#lost) throw this.#lost;
  }

  /**
   * Takes the first error of all work handed to the device since the last call. Call it right after a submit; the answer
   * comes when the device has got there. Never rejects.
   */
  async collect(): Promise<ReparamError | undefined> {
    const scope = this.#device.popErrorScope();
    this.#device.pushErrorScope('validation');
    try {
      const error = await scope;
      if (error) this.#error ??= rejected(error);
    } catch {
      // The device is lost, and that is reported by itself.
    }
    while (this.#diagnostics.size > 0) await Promise.all(this.#diagnostics);
    const error = this.#lost ?? this.#error;
    this.#error = undefined;
    return error;
  }

  /**
   * The error of a call that failed by itself: the loss of the device, if that is the cause, which the driver may tell a moment later; else `otherwise`.
   */
  async causeOf(otherwise: ReparamError): Promise<ReparamError> {
    await Promise.race([this.#loss, pause(LOSS_IS_TOLD_WITHIN)]);
    return this.#lost ?? otherwise;
  }

  async #watchLoss(): Promise<void> {
    const { reason, message } = await this.#device.lost;
    this.#lost ??= lost(reason === 'destroyed' ? 'it was destroyed' : message || 'the driver gave no reason');
  }

  async #diagnose(name: string, module: GPUShaderModule): Promise<void> {
    let messages: readonly GPUCompilationMessage[];
    try {
      ({ messages } = await module.getCompilationInfo());
    } catch {
      // The device was lost meanwhile, and that is reported by itself.
      return;
    }
    const errors = messages.filter((m) => m.type === 'error');
    if (errors.length === 0) return;
    // Dawn's message is a line; wgpu's draws the place on several.
    const lines = errors
      .map((m) => `  line ${m.lineNum}, column ${m.linePos}: ${m.message.trim().replaceAll('\n', '\n  ')}`)
      .join('\n');
    // Better than the error of the scope that may have come first: it names the kernel and the line.
    this.#error = new GpuError(`${name}: the WGSL does not compile\n${lines}`);
  }
}

function rejected(error: GPUError): GpuError {
  return new GpuError(`WebGPU rejected a command (${error.constructor.name}): ${error.message}`);
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, milliseconds));
}

function noMemory(bytes: number): LimitError {
  return new LimitError(
    `the driver has no memory for ${bytes} bytes more: use a smaller batch or network, or close what else uses the device; ` +
      'what was computed since the last read is not to be trusted',
  );
}

function lost(why: string): DeviceLostError {
  return new DeviceLostError(
    `the WebGPU device is lost: ${why}. Its tensors are gone; make a new device with webgpu() and load the state again`,
  );
}
