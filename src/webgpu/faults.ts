/** @file What went wrong on the device: the first error since it was last asked for, and whether the device is lost. */
import { DeviceLostError, GpuError, type ReparamError } from '../errors.ts';

/**
 * WebGPU reports errors after the fact and drops the work that caused them. They are kept here until the next read or
 * `finish()`, which throws them, so that a dropped command never passes for a result.
 */
export class Faults {
  #error: ReparamError | undefined;
  #lost: DeviceLostError | undefined;
  readonly #diagnostics = new Set<Promise<void>>();

  constructor(device: GPUDevice) {
    device.addEventListener('uncapturederror', (event) => {
      event.preventDefault();
      this.report(new GpuError(`WebGPU rejected a command (${event.error.constructor.name}): ${event.error.message}`));
    });
    void this.#watchLoss(device);
  }

  /** Keeps the first error; later ones are mostly its consequences. */
  report(error: ReparamError): void {
    this.#error ??= error;
  }

  /** From here on every use of the device throws. */
  markDestroyed(): void {
    this.#lost ??= lost('it was destroyed');
  }

  /** Reports compiler messages of a shader by kernel name and line; `settle` waits for it. */
  watchCompilation(name: string, module: GPUShaderModule): void {
    const diagnostic = this.#diagnose(name, module);
    this.#diagnostics.add(diagnostic);
    void diagnostic.finally(() => this.#diagnostics.delete(diagnostic));
  }

  async #watchLoss(device: GPUDevice): Promise<void> {
    const { reason, message } = await device.lost;
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
    const lines = errors.map((m) => `  line ${m.lineNum}, column ${m.linePos}: ${m.message}`).join('\n');
    // Better than the error event that may have come first: it names the kernel and the line.
    this.#error = new GpuError(`${name}: the WGSL does not compile\n${lines}`);
  }

  /** Throws if the device is lost. */
  check(): void {
    if (this.#lost) throw this.#lost;
  }

  /** Waits for pending compiler messages, then throws and forgets the first error since the last call. */
  async settle(): Promise<void> {
    while (this.#diagnostics.size > 0) await Promise.all(this.#diagnostics);
    this.check();
    const error = this.#error;
    this.#error = undefined;
    if (error) throw error;
  }
}

function lost(why: string): DeviceLostError {
  return new DeviceLostError(
    `the WebGPU device is lost: ${why}. Its tensors are gone; make a new device with webgpu() and load the state again`,
  );
}
