/**
 * @file Reverse-mode differentiation: gradients of any tensor with respect to any tensors.
 *
 * VJPs are functions of tensors written in differentiable operations, so a gradient taken with `createGraph` can be
 * differentiated again, to any order.
 */
import { DisposedError, OptionError, ShapeError, VersionError } from '../contract/errors.ts';
import { rowOf } from './fused-rows.ts';
import { enableGrad, isGradEnabled, withGradMode } from './grad-mode.ts';
import { dot, zerosLike } from './composites.ts';
import { add, addAll, alias } from './ops.ts';
import { scope } from './scope.ts';
import { SHARED, withoutSharing } from './share-equal.ts';
import { synchronous } from './synchronous.ts';
import { sameShape, showShape, showValue } from '../contract/shape.ts';
import { type GraphNode, openScopes, Tensor, upcomingId } from './tensor.ts';

/** A tensor for each of Xs: a tuple where Xs is one, else a list. */
export type TensorsLike<Xs extends readonly Tensor[]> = { -readonly [I in keyof Xs]: Tensor };

export interface GradOptions {
  /** The cotangent of y, of y's shape; default: 1, and then y must be a scalar (have one element). */
  readonly cotangent?: Tensor;
  /** Make the backward pass part of the graph, so that the gradients can be differentiated again. Default false. */
  readonly createGraph?: boolean;
  /** What an x that y does not depend on gets. Default 'error', so that a parameter cut off by mistake is noticed. */
  readonly unused?: 'error' | 'zeros';
}

/**
 * Total derivatives of `y` with respect to `xs`, leaves or intermediate tensors alike: for each x a tensor of its shape,
 * sum over y's elements of cotangent * dy/dx. A tuple of tensors gives a tuple: `const [gw, gb] = grad(loss, [w, b])`.
 */
export function grad<const Xs extends readonly Tensor[]>(y: Tensor, xs: Xs, options: GradOptions = {}): TensorsLike<Xs> {
  return gradients(y, xs, options, (x, i) => {
    explainFreed(y);
    if (options.unused === 'zeros') return zerosLike(x);
    throw new OptionError(
      `grad: y does not depend on xs[${i}] (shape ${showShape(x.shape)}) through the graph; ` +
        "was it detached, made under noGrad, or not used? Pass { unused: 'zeros' } if that is meant",
    );
    // A map over a tuple has its length, which TypeScript does not say.
  }) as TensorsLike<Xs>;
}

/** As `grad`, but `absent` says what an x gets that y does not depend on. */
export function gradients<T extends Tensor | undefined>(
  y: Tensor,
  xs: readonly Tensor[],
  options: Omit<GradOptions, 'unused'>,
  absent: (x: Tensor, i: number) => T,
): (Tensor | T)[] {
  const { createGraph = false } = options;
  for (const t of [y, ...xs, options.cotangent ?? y]) {
    if (!(t instanceof Tensor))
      throw new OptionError(`grad: ${showValue(t)} must be a tensor, as y, the cotangent and each of xs are`);
  }
  if (!options.cotangent && y.size !== 1) {
    throw new ShapeError(`grad: y has shape ${showShape(y.shape)}; only a scalar has a gradient. Sum it, or pass { cotangent }`);
  }
  if (options.cotangent && !sameShape(options.cotangent.shape, y.shape)) {
    throw new ShapeError(`grad: cotangent ${showShape(options.cotangent.shape)} must have y's shape ${showShape(y.shape)}`);
  }
  const pass = (): (Tensor | T)[] => {
    const mine = createGraph ? undefined : openScopes.at(-1);
    const first = upcomingId();
    const seed = options.cotangent ?? y.device.ones(y.shape);
    const found = backward(y, seed, new Set(xs), mine);
    // Each gradient is a tensor of its own, the caller's to free: not the cotangent, or what a custom backward holds, or another gradient.
    const given = new Set<Tensor>();
    return xs.map((x, i) => {
      const g = found.get(x);
      if (g) {
        const own = !given.has(g) && (mine ? mine.has(g) : g.id >= first);
        given.add(g);
        return own ? g : alias(g);
      }
      return absent(x, i);
    });
  };
  // With createGraph the backward pass is part of the graph and belongs to the caller's scope.
  return withGradMode('grad', createGraph, () => (createGraph ? pass() : withoutSharing(() => scope<(Tensor | T)[]>(pass))));
}

/**
 * Walks the graph from y once, in reverse order of creation, and returns the cotangents of `xs`. `mine` are the tensors of this pass, which
 * it frees as it goes; what a custom backward returns without having made it, or has kept, is not among them. Without it nothing is freed.
 */
function backward(y: Tensor, seed: Tensor, xs: ReadonlySet<Tensor>, mine: ReadonlySet<Tensor> | undefined): Map<Tensor, Tensor> {
  const found = cotangents(y, seed, xs, mine, 0);
  return new Map([...found].map(([t, [sum]]) => [t, sum!]));
}

/**
 * For each of `xs` the parts of its cotangent, those that come through the graph since an id, in their order: what a checkpoint's node gives. What
 * is older than the id is not looked behind.
 */
export function backwardFrom(y: Tensor, g: Tensor, xs: readonly Tensor[], since: number): Map<Tensor, readonly Tensor[]> {
  return cotangents(y, g, new Set(xs), isGradEnabled() ? undefined : openScopes.at(-1), since);
}

/** The cotangents of `xs`: sums, and lists of parts for those that are older than `since`. */
function cotangents(
  y: Tensor,
  seed: Tensor,
  xs: ReadonlySet<Tensor>,
  mine: ReadonlySet<Tensor> | undefined,
  since: number,
): Map<Tensor, readonly Tensor[]> {
  const wanted = reaching(y, xs, since);
  // A tensor's cotangents wait for one sum of as many as the device adds at once: fewer and larger operations, and a bound on what is kept.
  const mostParts = rowOf(y.device, 'addAll')?.atMost ?? 2;
  const parts = new Map<Tensor, Tensor[]>();
  if (wanted.has(y)) parts.set(y, [seed]);
  // A cotangent tensor may stand for several tensors (the VJP of add returns g twice): free it after its last use.
  const uses = new Map<Tensor, number>([[seed, 1]]);
  const release = (g: Tensor): void => {
    const left = (uses.get(g) ?? 1) - 1;
    uses.set(g, left);
    if (left === 0 && mine?.has(g)) g.dispose();
  };
  /** The sum of the parts that have come for t. */
  const cotangent = (t: Tensor): Tensor | undefined => {
    const found = parts.get(t);
    if (!found || found.length === 1) return found?.[0];
    const sum = addAll(found);
    for (const part of found) release(part);
    parts.set(t, [sum]);
    uses.set(sum, 1);
    return sum;
  };
  const receive = (t: Tensor, part: Tensor): void => {
    const waiting = parts.get(t);
    if (!waiting) parts.set(t, [part]);
    else if (waiting.push(part) === mostParts && t.id >= since) cotangent(t);
  };
  const order = [...wanted].filter((t) => t.node && t.id >= since).sort((a, b) => b.id - a.id);
  for (const t of order) {
    const node = t.node!;
    if (node.op === SHARED && !xs.has(t)) {
      // A caller's own tensor over a shared result: what has come for it has come for that.
      const [result] = node.inputs;
      for (const part of parts.get(t) ?? []) receive(result!, part);
      parts.delete(t);
      continue;
    }
    const g = cotangent(t);
    if (!g) continue;
    checkVersions(node);
    const needs = node.inputs.map((input) => wanted.has(input));
    const made = mine ? scope(() => node.vjp(g, needs) as Tensor[]) : node.vjp(g, needs);
    const given = node.inputs.flatMap((input, i) => {
      const some = needs[i] ? made[i] : undefined;
      const list = some instanceof Tensor ? [some] : (some ?? []);
      for (const part of list) {
        if (!sameShape(part.shape, input.shape)) {
          throw new ShapeError(
            `${node.op}: the VJP of input ${i} gave ${showShape(part.shape)} for an input of ${showShape(input.shape)}`,
          );
        }
        // All are counted before the first is added to others and freed: one tensor may be the part of several inputs.
        uses.set(part, (uses.get(part) ?? 0) + 1);
      }
      return list.map((part) => [input, part] as const);
    });
    for (const [input, part] of given) receive(input, part);
    if (!xs.has(t)) {
      parts.delete(t);
      release(g);
    }
  }
  return new Map(
    [...parts].filter(([t]) => xs.has(t)).map(([t, waiting]) => [t, t.id >= since ? [cotangent(t)!] : waiting] as const),
  );
}

/** The tensors on some path from y back to one of xs, both ends included, through none that is older than an id. */
function reaching(y: Tensor, xs: ReadonlySet<Tensor>, since: number): Set<Tensor> {
  // Inputs are older than outputs, so nothing older than the oldest x can depend on an x.
  let oldest = Infinity;
  for (const x of xs) oldest = Math.min(oldest, x.id);
  const visited = new Set<Tensor>([y]);
  const stack = [y];
  for (let t = stack.pop(); t; t = stack.pop()) {
    if (t.id < since) continue;
    for (const input of t.node?.inputs ?? []) {
      if (input.id >= oldest && !visited.has(input)) {
        visited.add(input);
        stack.push(input);
      }
    }
  }
  const wanted = new Set<Tensor>();
  for (const t of [...visited].sort((a, b) => a.id - b.id)) {
    if (xs.has(t) || (t.id >= since && t.node?.inputs.some((input) => wanted.has(input)))) wanted.add(t);
  }
  return wanted;
}

/** A graph that was freed under our feet looks like one without a path: say which it is. */
function explainFreed(y: Tensor): void {
  const visited = new Set<Tensor>([y]);
  for (const t of visited) {
    if (t.disposed) {
      throw new DisposedError(
        `grad: a tensor of shape ${showShape(t.shape)} between y and xs was freed, by dispose() or at the end of its scope; ` +
          'take the gradient inside the scope that computes y',
      );
    }
    for (const input of t.node?.inputs ?? []) visited.add(input);
  }
}

function checkVersions(node: GraphNode): void {
  node.inputs.forEach((input, i) => {
    if (input.storage.version !== node.versions[i]) {
      throw new VersionError(
        `${node.op}: input ${i} of shape ${showShape(input.shape)} was changed in place after the forward pass read it; ` +
          'take gradients before the update, or compute the forward pass again',
      );
    }
  });
}

/** `valueAndGrad(f)(...xs)` is [f(...xs), gradients with respect to all xs]. */
export function valueAndGrad<Xs extends readonly Tensor[]>(
  f: (...xs: Xs) => Tensor,
  options?: GradOptions,
): (...xs: Xs) => [Tensor, TensorsLike<Xs>] {
  return (...xs) => {
    const y = withGradMode('valueAndGrad', true, () => f(...xs));
    return [y, grad(y, xs, options)];
  };
}

/** `[y, pullback]`: y = f(...xs), and the function from a cotangent of y to cotangents of the xs (zeros where unused). */
export function vjp<const Xs extends readonly Tensor[]>(
  f: (...xs: Xs) => Tensor,
  xs: Xs,
): [Tensor, (cotangent: Tensor, options?: { readonly createGraph?: boolean }) => TensorsLike<Xs>] {
  const y = withGradMode('vjp', true, () => f(...xs));
  return [y, (cotangent, options = {}) => grad(y, xs, { ...options, cotangent, unused: 'zeros' })];
}

/**
 * Hessian-vector product: for scalar f, the derivatives of sum_i <df/dx_i, v_i> with respect to the xs. Exact: it
 * differentiates the gradient.
 */
export function hvp<const Xs extends readonly Tensor[]>(
  f: (...xs: Xs) => Tensor,
  xs: Xs,
  vs: readonly Tensor[],
  options: { readonly createGraph?: boolean } = {},
): TensorsLike<Xs> {
  if (vs.length !== xs.length) throw new OptionError(`hvp: ${xs.length} inputs but ${vs.length} vectors`);
  const product = (): Tensor[] => {
    const gs = grad(synchronous('hvp', 'f', f(...xs)), xs, { createGraph: true, unused: 'zeros' });
    const directional = gs.map((g, i) => dot(g, vs[i]!)).reduce((a, b) => add(a, b));
    return grad(directional, xs, { ...options, unused: 'zeros' });
  };
  // With createGraph what the product was computed from belongs to the caller's scope, as in grad.
  return enableGrad(() => (options.createGraph ? product() : scope(product))) as TensorsLike<Xs>;
}
