/**
 * @file Edge credits over random graphs in float32 on every device (the CPU's float32 device on the CPU), against float64 with the
 * same inputs; tolerances are relative to the magnitude of the terms summed.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { edgeCredits, mixingCredits } from '../../src/credit/index.ts';
import { cpu, type Device, grad, scope } from '../../src/index.ts';
import { allOperations, buildDag, type DagSpec, dags } from '../support/dag.ts';
import { openDevice } from '../support/device.ts';

let device: Device;
const reference = cpu({ dtype: 'float64' });
beforeAll(async () => {
  const opened = await openDevice();
  device = opened.dtype === 'float32' ? opened : cpu({ dtype: 'float32' });
});
afterAll(() => device.destroy());

type Numbers = ArrayLike<number>;
const magnitude = (a: Numbers, b: Numbers): number => Array.from(a, (v, i) => Math.abs(v * b[i]!)).reduce((x, y) => x + y, 0);
const total = (a: Numbers): number => Array.from(a).reduce((x, y) => x + y, 0);

/** Credits by both forms, gradients of the logits, node sums, and the scales of all of them. */
async function measure(
  on: Device,
  spec: DagSpec,
): Promise<{
  credits: Numbers;
  fromWeights: number[];
  dl: Numbers[];
  nodeSums: number[];
  scales: { credit: number; logits: number }[];
  to: number[];
}> {
  // Everything is read before the scope's tensors are freed: kept by returning it.
  const kept = scope(() => {
    const { loss, edges, nodes } = buildDag(on, spec).run();
    const options = { unused: 'zeros' } as const;
    return {
      credits: edgeCredits(loss, edges, options),
      fromWeights: edges.map(({ weights }) => mixingCredits(loss, weights, options)),
      dl: grad(
        loss,
        edges.map(({ logits }) => logits),
        options,
      ),
      c: grad(loss, nodes, options),
      nodes,
      z: edges.map(({ weights }) => weights),
      candidates: edges.map(({ candidates }) => candidates),
      to: edges.map(({ to }) => to),
    };
  });
  const c = await Promise.all(kept.c.map((t) => t.data()));
  const x = await Promise.all(kept.nodes.map((t) => t.data()));
  const z = await Promise.all(kept.z.map((t) => t.data()));
  const scales = await Promise.all(
    kept.candidates.map(async (list, e) => {
      const outputs = await Promise.all(list.map((t) => t.data()));
      const credit = outputs.reduce((s, o, k) => s + z[e]![k]! * magnitude(c[kept.to[e]!]!, o), 0);
      const logits = outputs.reduce((s, o, k) => s + z[e]![k]! * (magnitude(c[kept.to[e]!]!, o) + credit), 0) / spec.temperature;
      return { credit, logits };
    }),
  );
  return {
    credits: await kept.credits.data(),
    fromWeights: await Promise.all(kept.fromWeights.map((t) => t.item())),
    dl: await Promise.all(kept.dl.map((t) => t.data())),
    nodeSums: c.map((row, j) => total(Array.from(row, (v, i) => v * x[j]![i]!))),
    scales,
    to: kept.to,
  };
}

it('R_ij, -Z . dL/dZ and dL/dl agree with float64 to 1e-4; sum_k dL/dl_k = 0 to 1e-5; credits into a node sum to -c.x_j to 1e-5', async () => {
  await fc.assert(
    fc.asyncProperty(dags({ operations: allOperations }), async (spec) => {
      const here = await measure(device, spec);
      const exact = await measure(reference, spec);
      const within = (what: string, error: number, scale: number, tolerance: number): void =>
        expect(Math.abs(error) / Math.max(scale, 1e-30), `${what}: error ${error}`).toBeLessThan(tolerance);
      exact.scales.forEach((scale, e) => {
        within(`credit of edge ${e}`, here.credits[e]! - exact.credits[e]!, scale.credit, 1e-4);
        within(`credit of edge ${e} by Z . dL/dZ`, here.fromWeights[e]! - exact.credits[e]!, scale.credit, 1e-4);
        Array.from(here.dl[e]!).forEach((v, k) =>
          within(`gradient of logit ${k} of edge ${e}`, v - exact.dl[e]![k]!, scale.logits, 1e-4),
        );
        within(`sum over the logits of edge ${e}`, total(here.dl[e]!), scale.logits, 1e-5);
      });
      for (let j = 1; j < here.nodeSums.length; j++) {
        const incoming = here.to.flatMap((to, e) => (to === j ? [e] : []));
        const sum = total(incoming.map((e) => here.credits[e]!));
        const scale = total(incoming.map((e) => here.scales[e]!.credit));
        within(`credits into node ${j}`, sum + here.nodeSums[j]!, scale, 1e-5);
      }
    }),
    { seed: 11, numRuns: 15 },
  );
});
