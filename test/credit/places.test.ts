/** @file Credits of a real search space: the two forms agree, the audit's exact credits are losses without an edge, and nothing is changed. */
import { expect, it } from 'vitest';
import {
  auditSpace,
  creditGroups,
  creditHeatMap,
  edgeCredits,
  placeEdges,
  placeNetwork,
  recordCredits,
  spearman,
} from '../../src/credit/index.ts';
import { concat, cpu, crossEntropy, gumbel, key, normal, scope, softmax, type Tensor, zerosLike } from '../../src/index.ts';
import { withBatchStatistics } from '../../src/snas/child/evaluation.ts';
import {
  type CellType,
  cellTypes,
  type ChoiceWeights,
  CostTable,
  darts,
  edgesOf,
  hostRows,
  networkContext,
  type PlaceTrace,
  SearchSpace,
  SpaceCost,
} from '../../src/snas/index.ts';

const device = cpu();
const NODES = 2;
const CELLS = 3;
const edges = edgesOf(NODES);
const edgeCount = edges.length;
const space = new SearchSpace(
  darts({ channels: 2, cells: CELLS, nodes: NODES }),
  networkContext(device, key(1), { shape: [1, 8, 8], classes: 3 }),
);
const batch = { images: normal(device, key(2), [4, 1, 8, 8]), labels: device.tensor([0, 1, 2, 1]) };
const draw = (seed: number): Tensor => softmax(gumbel(device, key(seed), [edgeCount, 8]));
/** Both types' edges, normal ones first. */
const z: ChoiceWeights = [concat([draw(3), draw(4)], 0)];
const types = cellTypes(CELLS);
/** The choice of an edge of a cell type. */
const choiceOf = (type: CellType, edge: number): string => `${type}/${edges[edge]!.from}->${edges[edge]!.to}`;

it('a record holds every edge of every cell; -c . O~ and -Z . dL/dZ agree to 1e-10, and operations sum to the credit', async () => {
  const record = await recordCredits(space, z, batch, { step: 7 });
  expect(record.step).toBe(7);
  expect(record.places.map(({ place, choice }) => [place, choice])).toEqual(
    types.flatMap((type, c) => edges.map((_, e) => [`cells.${c}.edges.${e}`, choiceOf(type, e)])),
  );
  expect(record.mismatch).toBeLessThan(1e-10);
  for (const e of record.places) {
    expect(e.options).toHaveLength(8);
    expect(e.options.reduce((a, b) => a + b, 0)).toBeCloseTo(e.credit, 9);
    expect(e.options[0]).toBeCloseTo(0, 12);
    expect(e.cost).toBe(0);
  }
});

it("a record's cost share is -eta Z . C for the place's row", async () => {
  const costs = await hostRows(space.layout, [concat([draw(5), draw(6)], 0)]);
  const zeros = costs[0]!.map(() => 0);
  const table = new CostTable(
    space.layout,
    // Two cells of one type: each place is told its own cost.
    types.flatMap((type, c) =>
      edges.map((_, e) => {
        const choice = space.layout.indexOf(choiceOf(type, e));
        return { choice, path: [], costs: { parameters: costs[choice]!.map((v) => v * (c + 1)), flops: zeros, memory: zeros } };
      }),
    ),
  );
  const cost = new SpaceCost(device, table, { parameters: 1 });
  const record = await recordCredits(space, z, batch, { step: 0, cost, eta: 0.3 });
  cost.dispose();
  const rows = await hostRows(space.layout, z);
  for (const [c, type] of types.entries()) {
    const found = record.places[c * edgeCount + 1]!;
    expect(found.choice).toBe(choiceOf(type, 1));
    const choice = space.layout.indexOf(found.choice);
    let expected = 0;
    for (let k = 0; k < 8; k++) expected -= 0.3 * rows[choice]![k]! * (c + 1) * costs[choice]![k]!;
    expect(found.cost).toBeCloseTo(expected, 12);
  }
});

it('a record agrees with edgeCredits on the same trace, and changes no weight, running statistic or tensor count', async () => {
  const before = await space.network.stateDict();
  await recordCredits(space, z, batch, { step: 0 });
  const tensors = device.memory().tensors;
  const record = await recordCredits(space, z, batch, { step: 0 });
  expect(device.memory().tensors).toBe(tensors);
  expect(await space.network.stateDict()).toEqual(before);
  const direct = await withBatchStatistics(space.network, async () =>
    Array.from(
      await scope(() => {
        const trace: PlaceTrace[] = [];
        const loss = crossEntropy(space.forward(batch.images, z, { trace }), batch.labels);
        return edgeCredits(
          loss,
          trace.map(({ place, output, node }) => ({ from: place, to: place, output, node })),
        );
      }).data(),
    ),
  );
  expect(direct).toHaveLength(CELLS * edgeCount);
  direct.forEach((v, i) => expect(record.places[i]!.credit).toBeCloseTo(v, 10));
});

it("the audit's exact credit is the loss without the edge minus the loss, and its first-order credit is the record's", async () => {
  const audit = await auditSpace(space, z, batch, { points: 2 });
  const record = await recordCredits(space, z, batch, { step: 0 });
  expect(audit.places).toHaveLength(record.places.length);
  audit.places.forEach((e, i) => expect(e.taylor).toBeCloseTo(record.places[i]!.credit, 9));
  const e = 4;
  const [whole, without] = await withBatchStatistics(space.network, async () => {
    const network = placeNetwork(space, z, batch);
    const losses = scope(() => [network.run().losses, network.run((at, o) => (at === e ? zerosLike(o) : o)).losses] as const);
    return Promise.all(losses.map((t) => t.item()));
  });
  expect(audit.places[e]!.ablation).toBeCloseTo(without! - whole!, 10);
  expect(audit.loss).toBeCloseTo(whole!, 10);
  // A node of each cell for each of its sums.
  expect(audit.conservation.nodes).toHaveLength(CELLS * NODES);
  for (const { inflow, held } of audit.conservation.nodes) expect(inflow).toBeCloseTo(held, 9);
  expect(audit.gap.taylor).toBeGreaterThan(0);
  // A choice of two reduction cells is cut in both at once; one of a single normal cell is its place.
  const reduce = types.flatMap((type, c) => (type === 'reduce' ? [c * edgeCount] : []));
  const tied = audit.choices.find(({ choice }) => choice === choiceOf('reduce', 0))!;
  expect(tied.places).toEqual(reduce);
  const cut = await withBatchStatistics(space.network, () => {
    const network = placeNetwork(space, z, batch);
    return scope(() => network.run((at, o) => (reduce.includes(at) ? zerosLike(o) : o)).losses).item();
  });
  expect(tied.ablation).toBeCloseTo(cut - whole!, 10);
  expect(tied.summed).toBeCloseTo(
    reduce.reduce((s, at) => s + audit.places[at]!.ablation, 0),
    10,
  );
  for (const c of audit.choices.filter(({ places }) => places.length === 1)) expect(c.summed).toBeCloseTo(c.ablation, 10);
  expect(audit.rank.taylor).toBeLessThanOrEqual(1);
});

it('an audit of some places tells theirs alone, and as the audit of all does', async () => {
  const some = await auditSpace(space, z, batch, { secondOrder: false, places: ({ spot }) => spot.startsWith('cells.1.') });
  const all = await auditSpace(space, z, batch, { secondOrder: false });
  expect(some.places.map(({ place }) => place)).toEqual(edges.map((_, e) => edgeCount + e));
  some.places.forEach((place) => expect(place.ablation).toBeCloseTo(all.places[place.place]!.ablation, 12));
});

it('edges in the same place of cells of one type are tied, and no others; edges into one node share its number', () => {
  const found = placeEdges(space, batch.images.shape);
  expect(found).toHaveLength(CELLS * edgeCount);
  expect(types.filter((t) => t === 'reduce').length).toBeGreaterThan(1);
  const where = found.map((_, i) => ({ cell: Math.floor(i / edgeCount), edge: i % edgeCount }));
  for (const [i, a] of found.entries()) {
    for (const [j, b] of found.entries()) {
      const [p, q] = [where[i]!, where[j]!];
      expect(a.group === b.group).toBe(types[p.cell] === types[q.cell] && p.edge === q.edge);
      expect(a.to === b.to).toBe(p.cell === q.cell && edges[p.edge]!.to === edges[q.edge]!.to);
      // A node of a cell feeds later ones under the number that its edges end in.
      expect(p.cell !== q.cell || (a.to === b.from) === (edges[p.edge]!.to === edges[q.edge]!.from)).toBe(true);
    }
  }
});

it('the heat map has a row for each edge of the cell and a column for each record', async () => {
  const records = [await recordCredits(space, z, batch, { step: 0 }), await recordCredits(space, z, batch, { step: 5 })];
  expect(creditGroups(records)).toEqual(['cells.0', 'cells.1', 'cells.2']);
  const svg = creditHeatMap(records, 'cells.1');
  expect(svg.match(/<rect [^>]*><title>/g)).toHaveLength(2 * edgeCount);
  expect(svg).toContain('of cells.1');
  expect(() => creditHeatMap(records, 'cells.9')).toThrow(/no records of cells\.9/);
});

it("Spearman's correlation is 1 for any increasing map, -1 for a decreasing one", () => {
  expect(spearman([1, 5, 2, 9], [10, 50, 20, 51])).toBeCloseTo(1, 12);
  expect(spearman([1, 5, 2, 9], [4, 2, 3, 1])).toBeCloseTo(-1, 12);
});
