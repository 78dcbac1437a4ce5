/** @file A captured step whose inputs have names: `capture` takes a list, and here alone tensors by name become that list and come back from it. */
import { capture, type CapturedInfo } from '../../core/capture.ts';
import { CaptureError } from '../../contract/errors.ts';
import { Tensor } from '../../core/tensor.ts';

/** Tensors by name, in groups within groups, and in lists. */
export type NamedTensors = { readonly [name: string]: Tensor | readonly Tensor[] | NamedTensors | undefined };

/** A captured step that is called with its inputs by name. */
export interface NamedStep<Inputs extends NamedTensors> {
  run(inputs: Inputs): void;
  /** Captures the step without running it, and compiles its kernels. `onProgress` is called after each kernel. */
  prepare(inputs: Inputs, onProgress?: (compiled: number, of: number) => void): Promise<void>;
  /** Figures of the capture; undefined before the first call. */
  readonly info: CapturedInfo | undefined;
  dispose(): void;
}

/** `capture` for a step with named inputs. Every call must give the names that the first one gave; a CaptureError otherwise. */
export function captureNamed<Inputs extends NamedTensors>(step: (inputs: Inputs) => void): NamedStep<Inputs> {
  let first: { readonly inputs: Inputs; readonly names: readonly string[] } | undefined;
  const namesOf = (inputs: Inputs): NonNullable<typeof first> => (first ??= { inputs, names: [...byName(inputs).keys()] });
  const listed = (inputs: Inputs): Tensor[] => {
    const { names } = namesOf(inputs);
    const given = byName(inputs);
    if (given.size !== names.length || !names.every((name) => given.has(name))) {
      throw new CaptureError(`capture: a step with the inputs ${names.join(', ')} was given ${[...given.keys()].join(', ')}`);
    }
    return names.flatMap((name) => given.get(name) ?? []);
  };
  const captured = capture((...tensors: Tensor[]): void => {
    if (!first) return;
    const { inputs, names } = first;
    step(withTensors(inputs, new Map(names.map((name, i) => [name, tensors[i]!]))));
  });
  return {
    run: (inputs) => captured(...listed(inputs)),
    prepare: (inputs, onProgress) => captured.prepare(listed(inputs), onProgress),
    get info(): CapturedInfo | undefined {
      return captured.info;
    },
    dispose: () => {
      captured.dispose();
      first = undefined;
    },
  };
}

/** All tensors by their dotted names, in the order in which they stand; what is undefined is left out. */
function byName(inputs: NamedTensors, prefix = ''): Map<string, Tensor> {
  return new Map(
    Object.entries(inputs).flatMap(([name, value]): (readonly [string, Tensor])[] => {
      if (value === undefined) return [];
      return value instanceof Tensor ? [[prefix + name, value]] : [...byName(value as NamedTensors, `${prefix}${name}.`)];
    }),
  );
}

/** The same names and groups with other tensors, and so the same type. */
function withTensors<Inputs extends NamedTensors>(inputs: Inputs, tensors: ReadonlyMap<string, Tensor>, prefix = ''): Inputs {
  const of = (name: string, value: NamedTensors[string]): NamedTensors[string] => {
    if (value === undefined || value instanceof Tensor) return tensors.get(prefix + name);
    if (isList(value)) return value.map((_, i) => tensors.get(`${prefix}${name}.${i}`)!);
    return withTensors(value, tensors, `${prefix}${name}.`);
  };
  return Object.fromEntries(Object.entries(inputs).map(([name, value]) => [name, of(name, value)])) as Inputs;
}

function isList(value: readonly Tensor[] | NamedTensors): value is readonly Tensor[] {
  return Array.isArray(value);
}
