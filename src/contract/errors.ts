/**
 * @file The typed errors: each names the operation, what it was given, the rule that was broken and the fix. Each class writes its name out,
 * because the name that a class has in a program is not kept when a bundler shortens names.
 */

/** Base of every error that reparam throws on purpose; catch this to catch them all. */
export class ReparamError extends Error {
  override name = 'ReparamError';
}

/** Operand shapes, ranks or sizes do not fit the operation. */
export class ShapeError extends ReparamError {
  override name = 'ShapeError';
}

/** An option of a choice whose output has another shape than the others': a `ShapeError` that says which. */
export class OptionShapeError extends ShapeError {
  override name = 'OptionShapeError';
  /** Names of the choice and of the option. */
  readonly choice: string;
  readonly option: string;
  /** Of the option's output, and of the first option's. */
  readonly shapes: readonly [readonly number[], readonly number[]];

  constructor(message: string, choice: string, option: string, shapes: readonly [readonly number[], readonly number[]]) {
    super(message);
    this.choice = choice;
    this.option = option;
    this.shapes = shapes;
  }
}

/** Operands live on different devices. */
export class DeviceMismatchError extends ReparamError {
  override name = 'DeviceMismatchError';
}

/** An operand has a dtype that the operation does not take. */
export class DTypeError extends ReparamError {
  override name = 'DTypeError';
}

/** A tensor was used after its buffer was freed by `dispose()` or by the end of its scope. */
export class DisposedError extends ReparamError {
  override name = 'DisposedError';
}

/** A value needed for the backward pass was overwritten in place after the forward pass read it. */
export class VersionError extends ReparamError {
  override name = 'VersionError';
}

/** An option or argument is outside its range. */
export class OptionError extends ReparamError {
  override name = 'OptionError';
}

/** A value that must be finite is NaN or infinite. */
export class NonFiniteError extends ReparamError {
  override name = 'NonFiniteError';
}

/** No WebGPU implementation or adapter was found, or the device could not be created. */
export class NoAdapterError extends ReparamError {
  override name = 'NoAdapterError';
  /** What is wanting, where that is known: the package that brings WebGPU to Node, or a driver that gives an adapter. */
  readonly need: 'package' | 'driver' | undefined;
  constructor(message: string, options: ErrorOptions & { readonly need?: 'package' | 'driver' } = {}) {
    super(message, options);
    this.need = options.need;
  }
}

/** The GPU device was lost (driver reset, `destroy()`, out of memory). Create a new device to go on. */
export class DeviceLostError extends ReparamError {
  override name = 'DeviceLostError';
}

/** A thread of the CPU device failed or was lost while it worked; results since then are not to be trusted. Open a new device to go on. */
export class WorkerError extends ReparamError {
  override name = 'WorkerError';
}

/** WebGPU rejected a command (validation, out of memory or an internal error); results since then are not to be trusted. */
export class GpuError extends ReparamError {
  override name = 'GpuError';
}

/** An allocation or dispatch would exceed a limit of the adapter; raised before anything is allocated. */
export class LimitError extends ReparamError {
  override name = 'LimitError';
}

/** A step cannot be captured, or a captured step was given inputs of another shape. */
export class CaptureError extends ReparamError {
  override name = 'CaptureError';
}

/** A data file or folder is not there, or is not of a kind that can be read. */
export class DataFileError extends ReparamError {
  override name = 'DataFileError';
}

/** A data file is truncated, oversized or mislabelled. `file` and `offset` (bytes) say where. */
export class DataFormatError extends ReparamError {
  override name = 'DataFormatError';
  readonly file: string;
  readonly offset: number;
  constructor(file: string, offset: number, message: string, options?: ErrorOptions) {
    super(`${file} at byte ${offset}: ${message}`, options);
    this.file = file;
    this.offset = offset;
  }
}

/** Where reading a text failed, and what would have been read there. */
export interface TextPlace {
  /** Character of the text, from 0. */
  readonly position: number;
  /** From 1, as editors count; the column in characters. */
  readonly line: number;
  readonly column: number;
  readonly expected: string;
}

/** What should be a genotype is not one; `place` says where a literal could not be read, if it is a literal. */
export class GenotypeError extends ReparamError {
  override name = 'GenotypeError';
  readonly place: TextPlace | undefined;
  constructor(message: string, place?: TextPlace) {
    super(place ? `${message} (line ${place.line}, column ${place.column})` : message);
    this.place = place;
  }
}
