/** @file Gradient estimators on 27 architectures, against the exact gradient by enumeration. */
import { cpu, key } from 'reparam';
import { counterfactual, dagFixture, pathwise, reinforce, runLaboratory, scoreTimesCredit } from 'reparam/credit';

const fixture = dagFixture(cpu(), { head: 'softmax', nodes: 2, operations: 3 }); // 3 edges
const logits = fixture.edges.map((_, e) => [0, 1, 2].map((k) => 0.5 * Math.cos(1.7 * e + 2.3 * k)));

for (const temperature of [1, 0.1]) {
  const { architectures, estimators } = await runLaboratory({
    fixture,
    logits,
    temperature,
    samples: 4096,
    key: key(1),
    // The same random numbers for all; `allEstimators` gives the full list, REBAR and RELAX among them.
    estimators: [pathwise, scoreTimesCredit('taylor'), scoreTimesCredit('ablation'), reinforce, counterfactual],
  });
  console.log(`${architectures} architectures, temperature ${temperature}`);
  for (const { name, bias, biasInterval, spread, passes } of estimators) {
    const cost = `${passes.forward} forward, ${passes.backward} backward`;
    console.log(
      `${name} (${cost}), bias, low, high, spread: ${[bias, ...biasInterval, spread].map((v) => v.toFixed(3)).join(' ')}`,
    );
  }
}
