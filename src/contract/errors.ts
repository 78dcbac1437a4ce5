/** @file The typed errors: each names the operation, what it was given, the rule that was broken and the fix. */

/** Base of every error that reparam throws on purpose; catch this to catch them all. */
export class ReparamError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** Operand shapes, ranks or sizes do not fit the operation. */
export class ShapeError extends ReparamError {}

/** Operands live on different devices. */
export class DeviceMismatchError extends ReparamError {}

/** An operand has a dtype that the operation does not take. */
export class DTypeError extends ReparamError {}

/** A tensor was used after its buffer was freed by `dispose()` or by the end of its scope. */
export class DisposedError extends ReparamError {}

/** A value needed for the backward pass was overwritten in place after the forward pass read it. */
export class VersionError extends ReparamError {}

/** An option or argument is outside its range. */
export class OptionError extends ReparamError {}

/** A value that must be finite is NaN or infinite. */
export class NonFiniteError extends ReparamError {}

/** No WebGPU implementation or adapter was found, or the device could not be created. */
export class NoAdapterError extends ReparamError {}

/** The GPU device was lost (driver reset, `destroy()`, out of memory). Create a new device to go on. */
export class DeviceLostError extends ReparamError {}

/** WebGPU rejected a command (validation, out of memory or an internal error); results since then are not to be trusted. */
export class GpuError extends ReparamError {}

/** An allocation or dispatch would exceed a limit of the adapter; raised before anything is allocated. */
export class LimitError extends ReparamError {}

/** A step cannot be captured, or a captured step was given inputs of another shape. */
export class CaptureError extends ReparamError {}

/** A data file or folder is not there, or is not of a kind that can be read. */
export class DataFileError extends ReparamError {}

/** A data file is truncated, oversized or mislabelled. `file` and `offset` (bytes) say where. */
export class DataFormatError extends ReparamError {
  readonly file: string;
  readonly offset: number;
  constructor(file: string, offset: number, message: string, options?: ErrorOptions) {
    super(`${file} at byte ${offset}: ${message}`, options);
    this.file = file;
    this.offset = offset;
  }
}

/** What should be a genotype is not one: `position` is the character of the literal where reading failed, if it is a literal. */
export class GenotypeError extends ReparamError {
  readonly position: number | undefined;
  constructor(message: string, position?: number) {
    super(position === undefined ? message : `${message} (at character ${position})`);
    this.position = position;
  }
}
