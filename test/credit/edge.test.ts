/**
 * @file Edge credits in float64 over random graphs: R_ij against -Z . dL/dZ and against differences in a gate, and the facts that
 * hold for every sample. Formulas are evaluated from read-back numbers, outside the engine.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { edgeCredits, mixingCredits } from '../../src/credit/index.ts';
import { add, cpu, dot, grad, mul, noGrad, scope, sum, type Tensor } from '../../src/index.ts';
import {
  allOperations,
  buildDag,
  type DagRun,
  dags,
  homogeneousOperations,
  scaleInvariantOperations,
  smoothOperations,
} from '../support/dag.ts';

const device = cpu({ dtype: 'float64' });
type Numbers = ArrayLike<number>;

/** Values of many tensors. */
const readAll = (xs: readonly Tensor[]): Promise<Numbers[]> => Promise.all(xs.map((x) => x.data()));

/** A sum of products and the sum of their magnitudes, which is the scale of its rounding error. */
function product(a: Numbers, b: Numbers): { value: number; scale: number } {
  let [value, scale] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    value += a[i]! * b[i]!;
    scale += Math.abs(a[i]! * b[i]!);
  }
  return { value, scale };
}

/** Everything that the formulas need, read from one run: c = dL/dx_j by node, and per edge the credit and the gradients. */
async function measure(run: DagRun): Promise<{
  readonly c: readonly Numbers[];
  readonly nodes: readonly Numbers[];
  readonly credits: Numbers;
  readonly edges: readonly {
    z: Numbers;
    dz: Numbers;
    dl: Numbers;
    output: Numbers;
    candidates: Numbers[];
    to: number;
    from: number;
  }[];
}> {
  const { loss, edges, nodes } = run;
  const credits = await edgeCredits(loss, edges, { unused: 'zeros' }).data();
  const gradients = grad(loss, [...nodes, ...edges.map((e) => e.weights), ...edges.map((e) => e.logits)], { unused: 'zeros' });
  const read = await readAll(gradients);
  const n = nodes.length;
  return {
    c: read.slice(0, n),
    nodes: await readAll(nodes),
    credits,
    edges: await Promise.all(
      edges.map(async (edge, i) => ({
        from: edge.from,
        to: edge.to,
        z: await edge.weights.data(),
        dz: read[n + i]!,
        dl: read[n + edges.length + i]!,
        output: await edge.output.data(),
        candidates: await readAll(edge.candidates),
      })),
    ),
  };
}

it('R_ij from one backward pass is -[dL/dx_j . O~_ij] and equals -Z . dL/dZ (1e-12); dL/dl_k = c.(O_k - O~) Z_k / lambda (1e-12)', async () => {
  await fc.assert(
    fc.asyncProperty(dags({ operations: allOperations }), async (spec) => {
      const run = buildDag(device, spec).run();
      const { c, credits, edges } = await measure(run);
      const bySlices = await readAll(run.edges.map(({ weights }) => mixingCredits(run.loss, weights, { unused: 'zeros' })));
      edges.forEach(({ to, z, dz, dl, output, candidates }, e) => {
        const { value, scale } = product(c[to]!, output);
        const terms = candidates.map((o) => product(c[to]!, o));
        // Where O~ is a near-cancelling mixture, the scale is that of its terms.
        const mixed = Math.max(
          scale,
          terms.reduce((s, t, k) => s + z[k]! * t.scale, 0),
        );
        expect(Math.abs(credits[e]! + value)).toBeLessThanOrEqual(1e-12 * mixed);
        expect(Math.abs(credits[e]! + product(z, dz).value)).toBeLessThanOrEqual(1e-12 * mixed);
        expect(Math.abs(credits[e]! - bySlices[e]![0]!)).toBeLessThanOrEqual(1e-12 * mixed);
        terms.forEach((term, k) => {
          const expected = ((term.value - value) * z[k]!) / spec.temperature;
          expect(Math.abs(dl[k]! - expected)).toBeLessThanOrEqual((1e-12 * (term.scale + mixed) * z[k]!) / spec.temperature);
        });
      });
    }),
    { seed: 1, numRuns: 60 },
  );
});

it('sum_k dL/dl_k = 0 (1e-12); credits into a node sum to -dL/dx_j . x_j (1e-13)', async () => {
  await fc.assert(
    fc.asyncProperty(dags({ operations: allOperations }), async (spec) => {
      const { c, nodes, credits, edges } = await measure(buildDag(device, spec).run());
      edges.forEach(({ to, z, dl, candidates }) => {
        // Each component is a difference of terms of this size.
        const size = candidates.reduce((s, o, k) => s + z[k]! * product(c[to]!, o).scale, 0) / spec.temperature;
        expect(Math.abs(Array.from(dl).reduce((a, b) => a + b, 0))).toBeLessThanOrEqual(1e-12 * size);
      });
      for (let j = 1; j < nodes.length; j++) {
        const incoming = edges.flatMap((edge, e) =>
          edge.to === j ? [{ credit: credits[e]!, scale: product(c[j]!, edge.output).scale }] : [],
        );
        const total = incoming.reduce((s, { credit }) => s + credit, 0);
        const scale = incoming.reduce((s, edge) => s + edge.scale, 0);
        expect(Math.abs(total + product(c[j]!, nodes[j]!).value)).toBeLessThanOrEqual(1e-13 * scale);
      }
    }),
    { seed: 2, numRuns: 60 },
  );
});

it('-R_ij is the central difference of the loss in a gate on the edge (1e-8); where the graph has a kink within the step, that is counted, under 1 %', async () => {
  let [edgesSeen, kinks] = [0, 0];
  await fc.assert(
    fc.asyncProperty(dags({ operations: allOperations }), async (spec) => {
      const dag = buildDag(device, spec);
      const { c, credits, edges } = await measure(dag.run());
      for (let e = 0; e < edges.length; e++) {
        const difference = async (h: number): Promise<number> => {
          const at = (scale: number): Promise<number> =>
            noGrad(() => scope(() => dag.run({ gate: { edge: e, scale } }).loss)).item();
          const [up, down] = [1 + h, 1 - h];
          return ((await at(up)) - (await at(down))) / (up - down);
        };
        const [fine, coarse] = [await difference(2 ** -14), await difference(2 ** -13)];
        const richardson = (4 * fine - coarse) / 3;
        const scale = Math.max(1, product(c[edges[e]!.to]!, edges[e]!.output).scale);
        edgesSeen++;
        // Two steps that disagree by more than truncation have a kink between them.
        const kinked = Math.abs(fine - coarse) > 1e-5 * scale;
        if (kinked) kinks++;
        const error = kinked ? 0 : Math.abs(richardson + credits[e]!);
        expect(error).toBeLessThan(1e-8 * scale + Math.abs(fine - coarse) * 1e-2);
      }
    }),
    { seed: 3, numRuns: 30 },
  );
  expect(edgesSeen).toBeGreaterThan(80);
  expect(kinks / edgesSeen).toBeLessThan(0.01);
});

it('where all that leaves a node is homogeneous of degree 1, the credits into it sum to the credits out of it (1e-12)', async () => {
  let interior = 0;
  await fc.assert(
    fc.asyncProperty(dags({ operations: homogeneousOperations, reads: 'last', minNodes: 3 }), async (spec) => {
      const { c, nodes, credits, edges } = await measure(buildDag(device, spec).run());
      for (let j = 1; j < nodes.length - 1; j++) {
        interior++;
        const flow = (side: 'from' | 'to'): { value: number; scale: number } =>
          edges.reduce(
            (s, edge, e) =>
              edge[side] === j ? { value: s.value + credits[e]!, scale: s.scale + product(c[edge.to]!, edge.output).scale } : s,
            { value: 0, scale: 0 },
          );
        const [into, out] = [flow('to'), flow('from')];
        const inner = edges.reduce(
          (s, { to, from, z, candidates }) =>
            from === j || to === j ? s + candidates.reduce((t, o, k) => t + z[k]! * product(c[to]!, o).scale, 0) : s,
          into.scale + out.scale,
        );
        expect(Math.abs(into.value - out.value)).toBeLessThanOrEqual(1e-12 * inner);
      }
    }),
    { seed: 4, numRuns: 60 },
  );
  expect(interior).toBeGreaterThan(60);
});

it('where all that leaves a node is scale invariant (batch norm with eps = 0), the credits into it sum to zero (1e-10), else linearly in eps', async () => {
  const sums = async (spec: Parameters<typeof buildDag>[1]): Promise<{ total: number; scale: number }[]> => {
    const { c, nodes, credits, edges } = await measure(buildDag(device, spec).run());
    return nodes.slice(1, -1).map((_, i) => {
      const incoming = edges.flatMap((edge, e) =>
        edge.to === i + 1 ? [{ credit: credits[e]!, scale: product(c[i + 1]!, edge.output).scale }] : [],
      );
      return { total: incoming.reduce((s, x) => s + x.credit, 0), scale: incoming.reduce((s, x) => s + x.scale, 0) };
    });
  };
  let visible = 0;
  await fc.assert(
    fc.asyncProperty(dags({ operations: scaleInvariantOperations, reads: 'last', minNodes: 3, eps: 0 }), async (spec) => {
      for (const { total, scale } of await sums(spec)) expect(Math.abs(total)).toBeLessThanOrEqual(1e-10 * scale);
      const [small, large] = [await sums({ ...spec, eps: 1e-6 }), await sums({ ...spec, eps: 1e-5 })];
      small.forEach(({ total, scale }, i) => {
        // Below this the sum is rounding.
        if (Math.abs(total) < 1e-9 * scale) return;
        visible++;
        const slope = Math.log10(Math.abs(large[i]!.total / total));
        expect(Math.abs(slope - 1)).toBeLessThan(0.1);
      });
    }),
    { seed: 5, numRuns: 40 },
  );
  expect(visible).toBeGreaterThan(20);
});

it('a cost sum_k Z_k C_k weighed by eta adds exactly -eta Z . C to the credit, and dC/dl_k = (Z_k / lambda)(C_k - Z . C) (1e-12)', async () => {
  await fc.assert(
    fc.asyncProperty(dags({ operations: allOperations }), fc.integer({ min: 1, max: 1000 }), async (spec, mills) => {
      const eta = mills / 1000;
      const run = buildDag(device, spec).run();
      const costs = run.edges.map(({ weights }, e) =>
        device.tensor(Array.from({ length: weights.size }, (_, k) => 1 + Math.sin(e * 7 + k * 3))),
      );
      const cost = run.edges.map(({ weights }, e) => dot(weights, costs[e]!)).reduce((a, b) => add(a, b));
      const total = add(run.loss, mul(cost, eta));
      const bare = await edgeCredits(run.loss, run.edges, { unused: 'zeros' }).data();
      for (const [e, { weights, logits }] of run.edges.entries()) {
        const [z, by, withCost] = [await weights.data(), await costs[e]!.data(), await mixingCredits(total, weights).item()];
        const expected = product(z, by).value;
        expect(Math.abs(withCost - (bare[e]! - eta * expected))).toBeLessThanOrEqual(1e-12 * (Math.abs(bare[e]!) + 2));
        const slopes = await grad(cost, [logits])[0].data();
        slopes.forEach((s, k) => {
          const formula = (z[k]! * (by[k]! - expected)) / spec.temperature;
          expect(Math.abs(s - formula)).toBeLessThanOrEqual(2e-12 / spec.temperature);
        });
      }
    }),
    { seed: 6, numRuns: 30 },
  );
});

it("the Hessian of the loss at a node, applied to an edge's output by differentiating twice, is the difference of gradients (1e-6)", async () => {
  await fc.assert(
    fc.asyncProperty(dags({ operations: smoothOperations }), async (spec) => {
      const dag = buildDag(device, spec);
      const base = dag.run();
      const { to, output } = base.edges.at(-1)!;
      const direction = device.tensor(await output.data(), output.shape);
      const gradientAt = (h: number): Tensor => {
        const by = mul(direction, h);
        return grad(dag.run({ shift: { node: to, by } }).loss, [by], { createGraph: true, unused: 'zeros' })[0];
      };
      const zero = device.zeros(direction.shape);
      const [slope] = grad(dag.run({ shift: { node: to, by: zero } }).loss, [zero], { createGraph: true, unused: 'zeros' });
      const action = await grad(dot(slope, direction), [zero], { unused: 'zeros' })[0].data();
      const numeric = async (h: number): Promise<number[]> => {
        const [up, down] = [await gradientAt(h).data(), await gradientAt(-h).data()];
        return Array.from(up, (v, i) => (v - down[i]!) / (2 * h));
      };
      const [fine, coarse] = [await numeric(2 ** -13), await numeric(2 ** -12)];
      const size = Math.max(1e-3, ...Array.from(action, Math.abs));
      action.forEach((v, i) => expect(Math.abs((4 * fine[i]! - coarse[i]!) / 3 - v)).toBeLessThan(1e-6 * size));
    }),
    { seed: 7, numRuns: 40 },
  );
});

it('leaves one tensor behind, the credits, whatever the number of edges', () => {
  const before = device.memory().tensors;
  const made = scope(() => {
    const { loss, edges } = buildDag(device, fc.sample(dags({ operations: allOperations }), { seed: 8, numRuns: 1 })[0]!).run();
    const inside = device.memory().tensors;
    const credits = edgeCredits(loss, edges, { unused: 'zeros' });
    expect(device.memory().tensors).toBe(inside + 1);
    return credits;
  });
  // Scalar constants, at most one per value, stay with the device.
  made.dispose();
  expect(device.memory().tensors - before).toBeLessThanOrEqual(4);
});

it("refuses no edges, an output that is not of its node's shape, and a loss that does not depend on a node", () => {
  const [x, y] = [device.ones([2]), device.ones([3])];
  expect(() => edgeCredits(sum(x), [])).toThrow('at least one edge');
  expect(() => edgeCredits(sum(x), [{ from: 0, to: 'a', output: x, node: y }])).toThrow(
    'the output of edge 0 -> a has shape [2], its node [3]',
  );
  expect(() => edgeCredits(sum(x), [{ from: 0, to: 1, output: y, node: y }])).toThrow('does not depend on xs[0]');
});
