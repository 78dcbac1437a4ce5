/** @file One mixed edge and a whole supernet of three cells against PyTorch: the same weights, the same Z, forward and backward. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { edgeCredits } from '../../../../src/credit/index.ts';
import { gumbelSoftmax } from '../../../../src/distributions/index.ts';
import {
  assign,
  concat,
  crossEntropy,
  type Device,
  grad,
  key,
  mul,
  reshape,
  scope,
  slice,
  sum,
  type Tensor,
} from '../../../../src/index.ts';
import { mixedSum } from '../../../../src/core/mixed-sum.ts';
import { OPERATIONS } from '../../../../src/snas/spaces/darts/genotype.ts';
import type { PlaceTrace } from '../../../../src/snas/space/pass.ts';
import { operation } from '../../../../src/snas/spaces/darts/operations.ts';
import edges from '../../../golden/mixed-edge.json' with { type: 'json' };
import golden from '../../../golden/supernet.json' with { type: 'json' };
import { dartsSpace } from '../../../support/darts-space.ts';
import { openDevice } from '../../../support/device.ts';
import { expectClose, expectNumbers, fill, project, toleranceOf } from '../../../support/golden.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.destroy());

type Named = readonly (readonly [string, Tensor])[];

/** Weights by name, scaled as an initialiser would; batch norms stay at one and zero. */
function setWeights(named: Named, prefix: string): void {
  scope(() => {
    for (const [name, p] of named) {
      const fanIn = p.size / p.shape[0]!;
      if (p.rank >= 2) assign(p, fill(device, prefix + name, p.shape, Math.sqrt(3 / fanIn)));
      else if (name === 'classifier.bias') assign(p, fill(device, prefix + name, p.shape, 0.1));
    }
  });
}

function relaxed(name: string, rows: number, temperature: number): { logits: Tensor; z: Tensor } {
  const logits = fill(device, `${name}.logits`, [rows, 8]);
  return { logits, z: gumbelSoftmax(logits, { temperature, noise: fill(device, `${name}.noise`, [rows, 8], 2) }) };
}

/** Products with fixed directions and norms of many tensors against PyTorch's, each relative to its own norm. */
async function expectProjections(
  actual: Named,
  expected: Readonly<Record<string, readonly number[]>>,
  tolerance: number,
): Promise<void> {
  const names: string[] = [];
  const largest = Math.max(...Object.values(expected).map((v) => v[1]!));
  for (const [name, tensor] of actual) {
    names.push(name);
    const [product, norm] = await project(name, tensor);
    const [p, n] = expected[name]!;
    // What is zero but for rounding (a weight before a batch norm that cancels it) is compared on the scale of the others.
    const size = Math.max(n!, 1e-3 * largest);
    expect(Math.abs(product - p!) / size, `${name}: product ${product} against ${p}`).toBeLessThan(tolerance);
    expect(Math.abs(norm - n!) / size, `${name}: norm ${norm} against ${n}`).toBeLessThan(tolerance);
  }
  expect(names.sort()).toEqual(Object.keys(expected).sort());
}

describe('a mixed edge of eight operations on four channels', () => {
  it.each(edges.values)('$name', async (c) => {
    const layers = OPERATIONS.flatMap((name) => {
      const layer = operation(device, key(0), name, 4, c.stride === 1 ? 1 : 2, false);
      return layer ? [{ name, layer }] : [];
    });
    const named = layers.flatMap(({ name, layer }) => layer.namedParameters().map(([n, p]) => [`${name}.${n}`, p] as const));
    setWeights(named, `${c.name}.`);
    const results = scope(() => {
      const x = fill(device, `${c.name}.x`, [2, 4, 6, 6]);
      const { logits, z } = relaxed(c.name, 1, c.temperature);
      const outputs = layers.map(({ layer }) => layer.forward(x));
      const y = mixedSum(reshape(slice(z, [0, 1]), [7]), outputs);
      const loss = sum(mul(y, fill(device, `${c.name}.g`, c.g)));
      return { z, y, gradients: grad(loss, [x, logits, z, ...named.map(([, p]) => p)]) };
    });
    const t = toleranceOf(device, 1e-13, 1e-5);
    await expectClose('Z', results.z, c.z, t);
    await expectClose('y', results.y, c.y, t);
    const [gx, glogits, gz, ...gradients] = results.gradients;
    await expectClose('dx', gx, c.gx, t);
    await expectClose('dlogits', glogits, c.glogits, t);
    await expectClose('dZ', gz, c.gz, t);
    await expectProjections(
      named.map(([name], i) => [name, gradients[i]!] as const),
      c.weights,
      t,
    );
    for (const { layer } of layers) layer.dispose();
  });
});

it("a supernet of three cells (C = 4, stem of stride 2) has the logits, loss, gradients and running statistics of PyTorch's", async () => {
  const c = golden.values;
  const space = dartsSpace(device, key(0), { channels: 4, cells: 3, classes: 10, inChannels: 1, stemStride: 2 }, 16);
  const net = space.network;
  expect(net.parameterCount()).toBe(c.parameters);
  const named = net.namedParameters();
  setWeights(named, 'supernet.');
  const images = fill(device, 'supernet.images', [3, 1, 16, 16]);
  const results = scope(() => {
    const normal = relaxed('supernet.normal', 14, c.temperature);
    const reduce = relaxed('supernet.reduce', 14, c.temperature);
    const trace: PlaceTrace[] = [];
    const logits = space.forward(images, [concat([normal.z, reduce.z])], { trace });
    const loss = crossEntropy(logits, device.tensor(c.labels));
    const gradients = grad(loss, [images, normal.logits, reduce.logits, normal.z, reduce.z, ...named.map(([, p]) => p)]);
    const credits = edgeCredits(
      loss,
      trace.map((t) => ({ from: t.place, to: t.place, ...t })),
    );
    return {
      normal: normal.z,
      reduce: reduce.z,
      logits,
      loss,
      gradients,
      credits,
      edges: trace.map(({ choice }) => ({ type: choice < 14 ? 'normal' : 'reduce', edge: choice % 14 })),
    };
  });
  const t = toleranceOf(device, 1e-12, 5e-5);
  await expectClose('logits', results.logits, c.logits, t);
  expectNumbers('loss', [await results.loss.item()], [c.loss], t);
  const [gImages, gNormal, gReduce, zNormal, zReduce, ...gradients] = results.gradients;
  await expectClose('dalpha, normal', gNormal, c.alphas.normal, t);
  await expectClose('dalpha, reduce', gReduce, c.alphas.reduce, t);
  await expectClose('dZ, normal', zNormal, c.zs.normal, t);
  await expectClose('dZ, reduce', zReduce, c.zs.reduce, t);
  await expectProjections([['images', gImages]], { images: c.images }, t);
  await expectProjections(
    named.map(([name], i) => [name, gradients[i]!] as const),
    c.weights,
    t,
  );
  // Credits of the edges, summed over the cells that share Z, are -Z . dL/dZ with PyTorch's Z and dL/dZ (`none` puts out zero).
  const credits = await results.credits.data();
  for (const type of ['normal', 'reduce'] as const) {
    const z = await results[type].data();
    const expected = Array.from(
      { length: 14 },
      (_, e) => -Array.from({ length: 8 }, (_v, k) => z[e * 8 + k]! * c.zs[type][e * 8 + k]!).reduce((a, b) => a + b),
    );
    const actual = new Float64Array(14);
    results.edges.forEach((edge, i) => {
      if (edge.type === type) actual[edge.edge]! += credits[i]!;
    });
    expectNumbers(`credits of the ${type} edges`, actual, expected, t);
  }
  const running = [...net.stateTensors()].filter((s) => s.rows);
  const rows = scope(() =>
    running.flatMap(({ name, tensor, rows: names }) =>
      names!.map((row, i) => [name.slice(0, name.lastIndexOf('.') + 1) + row, reshape(slice(tensor, [i], [i + 1]), [-1])] as const),
    ),
  );
  await expectProjections(rows, c.running, t);
  net.eval();
  const evaluated = scope(() => space.forward(images, [concat([results.normal, results.reduce])]));
  await expectClose('logits in evaluation', evaluated, c.evaluation, t);
  net.dispose();
});
