/** @file Section 2.4: whether a cost that splits over the edges (equation 16) is learned from faster than one known only for the whole network. */
import { foldIn, type Key, key, uniforms } from 'reparam';
import { above } from 'reparam/credit';
import { lineChart } from 'reparam/plot';
import { type Experiment, experiment, type ExperimentContext, type Measured, type Report } from './experiment.ts';
import { softmax } from './softmax.ts';
import { minus, overSeeds, part, show } from './verdict.ts';

const EDGES = 14;
const OPS = 8;
const STEPS = 300;
/** The Adam of the searches of preset small. */
const ADAM = { lr: 0.05, betas: [0.5, 0.999] as const, epsilon: 1e-8 };
const TEMPERATURE = { start: 1, end: 0.05 };
const RECORD = 30;

const ESTIMATORS = ['sample', 'own', 'whole', 'closed'] as const;
type EstimatorName = (typeof ESTIMATORS)[number];
const LABELS: Readonly<Record<EstimatorName, string>> = {
  sample: 'through the relaxed sample, split',
  own: "score times the edge's own cost, split",
  whole: 'score times the cost of the whole network',
  closed: 'closed form, softmax(log alpha) . C',
};

interface Descent {
  readonly seed: number;
  /** E[C] after every 30 steps, the first before any, by estimator. */
  readonly costs: Readonly<Record<EstimatorName, readonly number[]>>;
}

/** E[C] along a descent of Adam on log alpha; nothing but the cost is minimised. */
function descend(costs: readonly (readonly number[])[], noise: Key, estimator: EstimatorName): number[] {
  const logits = costs.map((row) => row.map(() => 0));
  const first = costs.map((row) => row.map(() => 0));
  const second = costs.map((row) => row.map(() => 0));
  const expected = (): number => logits.reduce((s, row, e) => s + dot(softmax(row), costs[e]!), 0);
  const record = [expected()];
  // The mean cost so far, as a baseline that the present draw has no part in.
  let baseline = expected();
  for (let step = 1; step <= STEPS; step++) {
    const lambda = TEMPERATURE.start + ((TEMPERATURE.end - TEMPERATURE.start) * (step - 1)) / (STEPS - 1);
    const u = uniforms(foldIn(noise, step), EDGES * OPS);
    const gumbel = logits.map((row, e) => row.map((_, k) => -Math.log(-Math.log(u[e * OPS + k]!))));
    const chosen = logits.map((row, e) => argmax(row.map((l, k) => l + gumbel[e]![k]!)));
    const whole = chosen.reduce((s, k, e) => s + costs[e]![k]!, 0);
    logits.forEach((row, e) => {
      const p = softmax(row);
      const cost = costs[e]!;
      const gradient = ((): number[] => {
        if (estimator === 'closed') return p.map((pk, k) => pk * (cost[k]! - dot(p, cost)));
        if (estimator === 'sample') {
          const z = softmax(row.map((l, k) => (l + gumbel[e]![k]!) / lambda));
          return z.map((zk, k) => (zk * (cost[k]! - dot(z, cost))) / lambda);
        }
        const reward = estimator === 'own' ? cost[chosen[e]!]! - dot(p, cost) : whole - baseline;
        return p.map((pk, k) => ((k === chosen[e] ? 1 : 0) - pk) * reward);
      })();
      gradient.forEach((g, k) => {
        first[e]![k] = ADAM.betas[0] * first[e]![k]! + (1 - ADAM.betas[0]) * g;
        second[e]![k] = ADAM.betas[1] * second[e]![k]! + (1 - ADAM.betas[1]) * g * g;
        const m = first[e]![k] / (1 - ADAM.betas[0] ** step);
        const v = second[e]![k] / (1 - ADAM.betas[1] ** step);
        row[k] = row[k]! - (ADAM.lr * m) / (Math.sqrt(v) + ADAM.epsilon);
      });
    });
    baseline += (whole - baseline) * 0.1;
    if (step % RECORD === 0) record.push(expected());
  }
  return record;
}

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((s, v, i) => s + v * b[i]!, 0);
}

function argmax(values: readonly number[]): number {
  return values.indexOf(Math.max(...values));
}

/** Costs of one random network, 0 for the cheapest and 1 for the dearest. */
function costsOf(k: Key): number[][] {
  const u = uniforms(k, EDGES * OPS);
  const rows = Array.from({ length: EDGES }, (_, e) => {
    const row = [...u.subarray(e * OPS, (e + 1) * OPS)];
    const least = Math.min(...row);
    return row.map((v) => v - least);
  });
  const dearest = rows.reduce((s, row) => s + Math.max(...row), 0);
  return rows.map((row) => row.map((v) => v / dearest));
}

async function measure({ seeds, scale, say }: ExperimentContext): Promise<Measured<readonly Descent[]>> {
  // A network here is a table: a hundred of them take seconds.
  const each = scale === 'smoke' ? 4 : 100;
  const data: Descent[] = [];
  for (const seed of seeds) {
    for (let i = 0; i < each; i++) {
      const k = foldIn(key(seed), i);
      const costs = costsOf(foldIn(k, 0));
      const curves = ESTIMATORS.map((name) => [name, descend(costs, foldIn(k, 1), name)]);
      data.push({ seed: seed * each + i, costs: Object.fromEntries(curves) as Descent['costs'] });
    }
    say(`seed ${seed}: ${each} tables`);
  }
  return {
    setting: `${data.length} random tables of ${EDGES} edges with ${OPS} costs each, ${STEPS} steps of the search's Adam on E[C] alone, one draw a step, the same noise for all`,
    data,
  };
}

function report({ data }: Measured<readonly Descent[]>): Report {
  // From the second half of the descent on they all end near 0: what was learned by then is in the middle.
  const middle = (name: EstimatorName): number[] => data.map((d) => d.costs[name][Math.floor(STEPS / RECORD / 2)]!);
  const area = (name: EstimatorName): number[] => data.map((d) => d.costs[name].reduce((a, b) => a + b, 0) / d.costs[name].length);
  const described = ESTIMATORS.map((name) => `${LABELS[name]} ${show(overSeeds(middle(name), { range: [0, 1] }))}`).join('; ');
  return {
    findings: [
      {
        id: 'faster',
        claim: 'That the cost splits over the edges helps convergence.',
        seen: `E[C] after ${STEPS / 2} steps, 1 being the dearest network: ${described}.`,
        parts: [
          part("mean E[C] over the descent, whole less own edge's (both by score)", minus(area('whole'), area('own')), above(0)),
          part('mean E[C] over the descent, whole by score less split by sample', minus(area('whole'), area('sample')), above(0)),
        ],
      },
      {
        id: 'both',
        claim: 'The cost is linear in Z, so both the reparameterised gradient and the policy gradient lower its expectation.',
        seen: `In the mean over the descent the policy gradient of each edge's own cost is above the reparameterised one by ${show(overSeeds(minus(area('own'), area('sample'))))}.`,
        parts: (['sample', 'own'] as const).map((name) =>
          part(
            `half of E[C] at the start less E[C] in the end, ${LABELS[name]}`,
            data.map((d) => d.costs[name][0]! / 2 - d.costs[name].at(-1)!),
            above(0),
          ),
        ),
      },
    ],
    pictures: {
      '': lineChart({
        title: 'Expected cost along a descent, by estimator of its gradient',
        description: `Mean and 95 % interval over ${data.length} random tables of costs.`,
        xLabel: 'step',
        yLabel: 'E[C] (1: the dearest network)',
        yInclude: [0],
        series: ESTIMATORS.map((name) => ({
          name: LABELS[name],
          points: data[0]!.costs[name].map((_, i) => {
            const {
              mean: y,
              low,
              high,
            } = overSeeds(
              data.map((d) => d.costs[name][i]!),
              { range: [0, 1] },
            );
            return { x: i * RECORD, y, low, high };
          }),
        })),
      }),
    },
  };
}

export const splitExperiment: Experiment = experiment({
  name: 'eq16',
  figure: 'equation 16',
  summary: 'whether a cost that splits over the edges is learned from faster',
  plan: 'Stopping rule: a hundred tables a seed, one seed for the published run.',
  measure,
  report,
});
