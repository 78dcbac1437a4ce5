/** @file Credits of a real supernet: the two forms agree, the audit's exact credits are losses without an edge, and nothing is changed. */
import { expect, it } from 'vitest';
import {
  auditSupernet,
  creditHeatMap,
  edgeCredits,
  recordCredits,
  spearman,
  supernetEdges,
  supernetNetwork,
} from '../../src/credit/index.ts';
import { cpu, crossEntropy, gumbel, key, normal, scope, softmax, type Tensor, zerosLike } from '../../src/index.ts';
import { withBatchStatistics } from '../../src/snas/child/evaluation.ts';
import { edgesOf, Supernet } from '../../src/snas/index.ts';

const device = cpu();
const NODES = 2;
const edgeCount = edgesOf(NODES).length;
const supernet = new Supernet(device, key(1), { channels: 2, cells: 3, nodes: NODES, classes: 3, inChannels: 1 });
const batch = { images: normal(device, key(2), [4, 1, 8, 8]), labels: device.tensor([0, 1, 2, 1]) };
const draw = (seed: number): Tensor => softmax(gumbel(device, key(seed), [edgeCount, 8]));
const z = { normal: draw(3), reduce: draw(4) };

it('a record holds every edge of every cell; -c . O~ and -Z . dL/dZ agree to 1e-10, and operations sum to the credit', async () => {
  const record = await recordCredits(supernet, z, batch, { step: 7 });
  expect(record.step).toBe(7);
  expect(record.edges).toHaveLength(3 * edgeCount);
  expect(record.mismatch).toBeLessThan(1e-10);
  for (const e of record.edges) {
    expect(e.operations.reduce((a, b) => a + b, 0)).toBeCloseTo(e.credit, 9);
    expect(e.operations[0]).toBeCloseTo(0, 12);
    expect(e.cost).toBe(0);
  }
});

it("a record's cost share is -eta Z . C for the edge's row", async () => {
  const cost = { normal: draw(5), reduce: draw(6) };
  const record = await recordCredits(supernet, z, batch, { step: 0, cost, eta: 0.3 });
  const [zRow, cRow] = [await z.normal.data(), await cost.normal.data()];
  const first = record.edges.find((e) => e.type === 'normal' && e.edge === 1)!;
  let expected = 0;
  for (let k = 8; k < 16; k++) expected -= 0.3 * zRow[k]! * cRow[k]!;
  expect(first.cost).toBeCloseTo(expected, 12);
});

it('a record agrees with edgeCredits on the same trace, and changes no weight, running statistic or tensor count', async () => {
  const before = await supernet.stateDict();
  await recordCredits(supernet, z, batch, { step: 0 });
  const tensors = device.memory().tensors;
  const record = await recordCredits(supernet, z, batch, { step: 0 });
  expect(device.memory().tensors).toBe(tensors);
  expect(await supernet.stateDict()).toEqual(before);
  const direct = await withBatchStatistics(supernet, async () =>
    Array.from(
      await scope(() => {
        const trace: Parameters<typeof supernet.forward>[2] = { trace: [] };
        const loss = crossEntropy(supernet.forward(batch.images, z, trace), batch.labels);
        return edgeCredits(loss, trace.trace!);
      }).data(),
    ),
  );
  direct.forEach((v, i) => expect(record.edges[i]!.credit).toBeCloseTo(v, 10));
});

it("the audit's exact credit is the loss without the edge minus the loss, and its first-order credit is the record's", async () => {
  const audit = await auditSupernet(supernet, z, batch, { points: 8 });
  const record = await recordCredits(supernet, z, batch, { step: 0 });
  expect(audit.edges).toHaveLength(record.edges.length);
  audit.edges.forEach((e, i) => expect(e.taylor).toBeCloseTo(record.edges[i]!.credit, 9));
  const e = 4;
  const [whole, without] = await withBatchStatistics(supernet, async () => {
    const network = supernetNetwork(
      supernet,
      supernet.cells.map((cell) => z[cell.shape.type]),
      batch,
    );
    const losses = scope(() => [network.run().losses, network.run((at, o) => (at === e ? zerosLike(o) : o)).losses] as const);
    return Promise.all(losses.map((t) => t.item()));
  });
  expect(audit.edges[e]!.ablation).toBeCloseTo(without! - whole!, 10);
  expect(audit.loss).toBeCloseTo(whole!, 10);
  for (const { inflow, held } of audit.conservation.nodes) expect(inflow).toBeCloseTo(held, 9);
  expect(audit.gap.taylor).toBeGreaterThan(0);
  expect(audit.rank.taylor).toBeLessThanOrEqual(1);
});

it('edges in the same place of cells of one type are tied, and no others', () => {
  const edges = supernetEdges(supernet);
  const types = supernet.cells.map((cell) => cell.shape.type);
  expect(types.filter((t) => t === 'reduce').length).toBeGreaterThan(1);
  for (const a of edges) for (const b of edges) expect(a.group === b.group).toBe(a.type === b.type && a.edge === b.edge);
});

it('the heat map has a row for each edge of the cell and a column for each record', async () => {
  const records = [await recordCredits(supernet, z, batch, { step: 0 }), await recordCredits(supernet, z, batch, { step: 5 })];
  const svg = creditHeatMap(records, 1);
  expect(svg.match(/<rect [^>]*><title>/g)).toHaveLength(2 * edgeCount);
  expect(svg).toContain('cell 1 (');
  expect(() => creditHeatMap(records, 9)).toThrow(/no records of cell 9/);
});

it("Spearman's correlation is 1 for any increasing map, -1 for a decreasing one", () => {
  expect(spearman([1, 5, 2, 9], [10, 50, 20, 51])).toBeCloseTo(1, 12);
  expect(spearman([1, 5, 2, 9], [4, 2, 3, 1])).toBeCloseTo(-1, 12);
});
