/** @file Credit under delayed reward: a chain of decisions that is rewarded only at its end. */
import { cpu, key } from 'reparam';
import { meanBaseline, pathwise, runLaboratory } from 'reparam/credit';
import { chainValue, deepChain, episodesToShare, unequalLogits, tdLambdaEpisode } from '../experiments/laboratory/index.ts';

// TD(0) passes the reward back one state an episode: the first correction is a^T, but the delay in episodes is about T / a.
const rate = 0.1;
const depth = 8;
const values = new Float64Array(depth + 1);
const path = Array.from({ length: depth + 1 }, (_, t) => t);
for (let episode = 0; episode < 77; episode++) tdLambdaEpisode(values, path, 1, rate, 0);
console.log(`first state after 77 episodes, learnt and closed form: ${values[0]} ${chainValue(1, rate, 77, depth)}`);
for (const lambda of [0, 0.9, 1]) {
  console.log(
    `TD(${lambda}), episodes to half the value for T = 4, 8, 16, 32: ${[4, 8, 16, 32].map((T) => episodesToShare(T, rate, lambda)).join(' ')}`,
  );
}

// The same decisions with a differentiable loss: SNAS's gradient does not spread more with depth, REINFORCE's does.
for (const T of [3, 9, 27]) {
  const fixture = deepChain(cpu(), { depth: T });
  const logits = unequalLogits(T, 3);
  const exact = await fixture.exact(logits);
  const { estimators } = await runLaboratory({
    fixture,
    logits,
    temperature: 0.5,
    samples: 2048,
    key: key(T),
    estimators: [pathwise, meanBaseline],
    exact,
  });
  const length = Math.hypot(...exact.gradient);
  for (const { name, spread } of estimators) console.log(`T = ${T}, ${name}, spread / |gradient|: ${(spread / length).toFixed(2)}`);
}
