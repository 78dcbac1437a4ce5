/** @file R_ij of one cell: the credit of each edge against a finite difference in a gate, and against the exact credit. */
import { cpu, gumbel, key, mul, scope, softmax, sum } from 'reparam';
import { dagFixture, networkCredits } from 'reparam/credit';

const device = cpu(); // float64
const cell = dagFixture(device, { head: 'softmax', nodes: 2, operations: 4, seed: 3 });
const z = softmax(gumbel(device, key(0), [1, cell.edges.length, 4])); // one relaxed architecture
const network = cell.network(z);

// The loss as a function of a gate s on one edge: its output times s.
const lossAt = async (edge: number, s: number): Promise<number> =>
  scope(() => sum(network.run((e, output) => (e === edge ? mul(output, s) : output)).losses)).item();

const taylor = await networkCredits(network, 'taylor').data(); // SNAS's R_ij, one backward pass for all edges
const taylor2 = await networkCredits(network, 'taylor2').data();
const integrated = await networkCredits(network, 'integrated').data();
const ablation = await networkCredits(network, 'ablation').data();

console.log('edge: R_ij, finite difference, second order, integrated, exact');
const h = 1e-4;
for (const [e, { name }] of cell.edges.entries()) {
  const slope = ((await lossAt(e, 1 + h)) - (await lossAt(e, 1 - h))) / (2 * h);
  const row = [taylor[e]!, -slope, taylor2[e]!, integrated[e]!, ablation[e]!];
  console.log(`edge ${name}: ${row.map((v) => v.toFixed(6)).join(' ')}`);
}
