/**
 * @file Equal operations on equal tensors, computed once while `shareEqual` runs: what several branches of a network begin with.
 *
 * Each caller gets a tensor of its own over the one result: a node of the graph (a derivative by it is the caller's alone), freed by itself, and
 * copied before it is first changed in place. Their cotangents are added before they go further back, so the backward pass is one as well.
 */
import { isGradEnabled } from './grad-mode.ts';
import { type NotAsync, synchronous } from './synchronous.ts';
import { addNode, Storage, Tensor } from './tensor.ts';

/** The operation of the node between a shared result and what a caller has of it: its cotangent is the caller's. */
export const SHARED = 'shared';

/** Results by operation, parameters and operands. */
interface Found {
  readonly results: readonly Tensor[];
  readonly inputs: readonly (Tensor | number)[];
}

/** What stands for a tensor as an operand, while the tensor is as it was. */
interface Standing {
  readonly result: Tensor;
  readonly version: number;
}

class Sharing {
  /** Whether a graph is recorded in the body: what is computed in the other mode (kernels, updates of statistics) is not shared. */
  readonly grad: boolean = isGradEnabled();
  readonly #found = new Map<string, Found>();
  readonly #standing = new WeakMap<Tensor, Standing>();

  find(name: string): readonly Tensor[] | undefined {
    const found = this.#found.get(name);
    // Freed by a scope, as are the tensors that its gradient reads: then it is computed anew.
    if (!found || found.results.some((t) => t.disposed) || found.inputs.some((x) => x instanceof Tensor && x.disposed))
      return undefined;
    return found.results;
  }

  note(name: string, found: Found): void {
    this.#found.set(name, found);
  }

  /** A tensor of the caller's own over a result. */
  give(result: Tensor, ownMemory: boolean): Tensor {
    const { storage, shape, dtype, device, size } = result;
    const memory = ownMemory ? viewOf(storage, () => device.backend.view(storage.handle, 0, size, dtype)) : storage;
    const given = new Tensor(memory, shape, dtype);
    if (result.node) addNode(SHARED, [result], given, (g) => [g]);
    this.#standing.set(given, { result, version: memory.version });
    return given;
  }

  /** What an operand is, told by the result behind it (where memory does not matter) and by how often it has been changed. */
  name(x: Tensor | number, ownMemory: boolean): string {
    if (typeof x === 'number') return Object.is(x, -0) ? '-0' : String(x);
    const standing = ownMemory ? this.#standing.get(x) : undefined;
    const t = standing && standing.version === x.storage.version ? standing.result : x;
    return `t${t.id}v${t.storage.version}`;
  }
}

let current: Sharing | undefined;

/**
 * Runs `body` with equal operations on equal tensors computed once: the same operation with the same parameters, on tensors that are the
 * same or results of such. Values are those of `body` by itself to the bit; gradients are sums in another order, and so equal to rounding.
 * Random draws, operations of your own and whatever changes a tensor in place are never shared.
 *
 * A tensor stays in memory as long as the scope in which it was first computed.
 *
 * @example
 * const y = shareEqual(() => add(mul(relu(x), a), mul(relu(x), b))); // one relu, and one gradient of it
 */
export function shareEqual<T>(body: () => NotAsync<T>): T {
  return withSharing(new Sharing(), () => synchronous('shareEqual', 'the body', body()));
}

/** Runs `body` with nothing shared. */
export function withoutSharing<T>(body: () => T): T {
  return withSharing(undefined, body);
}

/** Whether equal operations are shared now, and a body with sharing of its own, or none. @internal */
export function sharingNow(): boolean {
  return current !== undefined;
}

/** @internal */
export function withNewSharing<T>(shares: boolean, body: () => T): T {
  return withSharing(shares ? new Sharing() : undefined, body);
}

function withSharing<T>(sharing: Sharing | undefined, body: () => T): T {
  const before = current;
  current = sharing;
  try {
    return body();
  } finally {
    current = before;
  }
}

/**
 * The results of an operation: computed by `make`, or those that there are. `ownMemory`: false for an operation whose result lies in its
 * operand's memory on purpose.
 */
export function shared(
  op: string,
  params: unknown,
  inputs: readonly (Tensor | number)[],
  make: () => readonly Tensor[],
  ownMemory = true,
): readonly Tensor[] {
  const sharing = current;
  if (!sharing || sharing.grad !== isGradEnabled() || inputs.some((x) => x instanceof Tensor && x.device.dry)) return make();
  const name = `${op} ${JSON.stringify(params, plainly)} ${inputs.map((x) => sharing.name(x, ownMemory)).join(' ')}`;
  let results = sharing.find(name);
  if (!results) {
    results = make();
    // Words are random draws, and nothing is nothing to share.
    if (results.some((t) => t.dtype === 'uint32' || t.size === 0)) return results;
    sharing.note(name, { results, inputs });
  }
  return results.map((t) => sharing.give(t, ownMemory));
}

/** Numbers that JSON does not know, too. */
function plainly(_name: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
}

/** Other memory of the same content, until one of the two is changed. */
function viewOf(storage: Storage, view: () => Storage['handle']): Storage {
  storage.sharers ??= { count: 1 };
  storage.sharers.count++;
  const made = new Storage(storage.device, view());
  made.sharers = storage.sharers;
  return made;
}
