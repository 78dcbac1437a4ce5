/**
 * @file Checkpoints: a part of a network that is computed again in the backward pass, in place of memory for what it computed on the way.
 *
 * Chen, Xu, Zhang and Guestrin, "Training deep nets with sublinear memory cost", 2016.
 */
import { backwardFrom } from './autograd.ts';
import { OptionError, VersionError } from '../contract/errors.ts';
import { enableGrad, isGradEnabled } from './grad-mode.ts';
import { recomputing } from './recomputing.ts';
import { sameShape, showShape } from '../contract/shape.ts';
import { scope } from './scope.ts';
import { sharingNow, withNewSharing } from './share-equal.ts';
import { synchronous } from './synchronous.ts';
import { detach } from './ops.ts';
import { deviceOf } from './primitive.ts';
import { addNode, type Tensor, upcomingId } from './tensor.ts';

/** Runs a body in a state of the time at which it was saved; undefined where there is none. */
type Resume = (<T>(body: () => T) => T) | 'run plainly' | undefined;

const contexts: (() => Resume)[] = [];

/**
 * For what is ambient while a network runs: `save` is called before a checkpoint's function runs, and what it returns is called around each
 * recomputation. 'run plainly': somebody looks at what is computed inside, so that nothing is to be computed again. @internal
 */
export function resumedInCheckpoints(save: () => Resume): void {
  contexts.push(save);
}

/**
 * f with less memory: what it computes on the way is freed when it returns, and computed again when a gradient goes through it. The gradients
 * are those of f to the bit, by its inputs and by every tensor from outside that it reads, such as weights; those of higher order are as
 * exact, and add in another order.
 *
 * f must compute the same when it is called again: random numbers come from keys. What it changes in place outside of itself (running
 * statistics) is changed once. It costs f's forward pass once more for each backward pass; a captured step has it in it.
 *
 * @throws OptionError where f computes another shape the second time, VersionError where it reads a tensor of a graph and then changes it.
 * @example
 * const block = checkpoint((x: Tensor) => layers.forward(x));
 * const loss = crossEntropy(head.forward(block(images)), labels);
 */
export function checkpoint<Inputs extends readonly Tensor[]>(f: (...inputs: Inputs) => Tensor): (...inputs: Inputs) => Tensor {
  return (...inputs) => {
    const device = deviceOf('checkpoint', inputs);
    const states = contexts.map((save) => save());
    if (!isGradEnabled() || device.dry || states.includes('run plainly')) return f(...inputs);
    const shares = sharingNow();
    const compute = (): Tensor => withNewSharing(shares, () => synchronous('checkpoint', 'the function', f(...inputs)));
    const first = upcomingId();
    const outside = new Map<Tensor, number>();
    const output = scope(() => {
      const y = compute();
      readOutside(y, first, outside);
      return detach(y);
    });
    for (const [t, version] of outside) {
      if (t.storage.version === version) continue;
      throw new VersionError(
        `checkpoint: the function reads a tensor of shape ${showShape(t.shape)} and then changes it in place; computed again it would read another`,
      );
    }
    const read = [...outside.keys()];
    const again = (): Tensor =>
      states.reduce<() => Tensor>((body, resume) => (typeof resume === 'function' ? () => resume(body) : body), compute)();
    addNode('checkpoint', read, output, (g, needs) => {
      const wanted = read.filter((_, i) => needs[i]);
      const from = upcomingId();
      const parts = (): ReadonlyMap<Tensor, readonly Tensor[]> => {
        const y = enableGrad(() => recomputing(from, again));
        if (!sameShape(y.shape, output.shape)) {
          throw new OptionError(
            `checkpoint: the function made ${showShape(output.shape)}, and ${showShape(y.shape)} when it was called again`,
          );
        }
        return backwardFrom(y, g, wanted, from);
      };
      const found = isGradEnabled() ? parts() : scope(parts);
      return read.map((t) => found.get(t));
    });
    return output;
  };
}

/** The tensors from outside of a graph that it was computed from, those of a smaller id, with their versions when they were read. */
function readOutside(y: Tensor, first: number, found: Map<Tensor, number>): void {
  const visited = new Set<Tensor>([y]);
  if (y.id < first) found.set(y, y.storage.version);
  for (const t of visited) {
    t.node?.inputs.forEach((input, i) => {
      if (t.id < first) return;
      if (input.id < first) {
        if (!found.has(input)) found.set(input, t.node!.versions[i]!);
      } else {
        visited.add(input);
      }
    });
  }
}
