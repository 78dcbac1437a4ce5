/** @file The credit identity on one edge: the published form, what it lacks, and the form that is exact. */
import { cpu } from 'reparam';
import { singleEdgeFixture } from 'reparam/credit';
import { edgeObjective, identityTerms } from '../experiments/laboratory/index.ts';

const device = cpu();
const logits = [0.3, -0.2] as const;

// Expectations over the Gumbel noise by quadrature, so what differs here differs in truth and not by chance.
for (const head of ['linear', 'quadratic', 'softmax', 'relu'] as const) {
  const t = await identityTerms(edgeObjective(singleEdgeFixture(device, { head })), logits, 0.5);
  console.log(`${head}: gradient of the relaxed objective: ${t.path.toFixed(9)}`);
  console.log(`${head}: E[score c.O~], as published: ${t.published.toFixed(9)}`);
  console.log(`${head}: less the curvature and the kinks: ${(t.published - t.curvature - t.surface).toFixed(9)}`);
  console.log(`${head}: E[score (L - L without the edge)]: ${t.ablation.toFixed(9)}`);
}
