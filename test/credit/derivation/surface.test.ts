/** @file The surface term: by nested quadrature for two and three operations, and that no other density will do. */
import { expect, it } from 'vitest';
import { edgeObjective, identityTerms } from '../../../experiments/laboratory/index.ts';
import { singleEdgeFixture, surfaceIdentity, surfaceOf } from '../../../src/credit/index.ts';
import { cpu } from '../../../src/index.ts';

const device = cpu();

it('published = path + surface for two operations to 1e-13 and for three to 1e-9, where each of the three is over 0.04', () => {
  for (const [operations, tolerance] of [
    [2, 1e-13],
    [3, 1e-9],
  ] as const) {
    const { path, published, surface } = surfaceOf(device, operations);
    expect(Math.min(Math.abs(path), Math.abs(published), Math.abs(surface))).toBeGreaterThan(0.04);
    expect(Math.abs(published - path - surface)).toBeLessThan(tolerance);
  }
});

it('for two operations the plain numbers are those of the tensors of the identity command, 1e-12; the density of Z in place of that of the noise is off by more than 0.01', async () => {
  const fixture = singleEdgeFixture(device, { head: 'relu' });
  for (const temperature of [1, 0.5]) {
    const objective = edgeObjective(fixture);
    const t = await identityTerms(objective, [0.3, -0.2], temperature);
    const s = surfaceIdentity({
      outputs: fixture.outputs,
      base: fixture.base,
      units: fixture.head.pieces!,
      logits: [0.3, -0.2],
      temperature,
    });
    expect(Math.abs(s.path - t.path)).toBeLessThan(1e-12);
    expect(Math.abs(s.published - t.published)).toBeLessThan(1e-12);
    expect(Math.abs(s.surface - t.surface)).toBeLessThan(1e-12);
    // dD/dz = temperature / (z (1 - z)): the density of Z is that of D times it.
    const ofZ = objective.kinks!.reduce((sum, k) => {
      const e = Math.exp(-Math.abs(temperature * Math.log(k.z / (1 - k.z)) - 0.5));
      return sum + (k.jump * (e / (1 + e) ** 2) * temperature) / (k.z * (1 - k.z));
    }, 0);
    expect(Math.abs(s.published - s.path - ofZ)).toBeGreaterThan(0.01);
  }
});

it('five operations are refused by number', () => {
  expect(() => surfaceOf(device, 5)).toThrow(/5 operations; it is for 2, 3 or 4/);
});
