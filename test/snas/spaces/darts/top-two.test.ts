/** @file The rule by which DARTS's weights make a child. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { edgesOf, operationNumber } from '../../../../src/snas/spaces/darts/genotype.ts';
import { topTwoEdges } from '../../../../src/snas/spaces/darts/top-two.ts';

it('the top-2 rule takes for every node the two inputs whose strongest operation other than none is largest', () => {
  const weights = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 14 * 8, maxLength: 14 * 8 });
  fc.assert(
    fc.property(weights, (w) => {
      const rows = edgesOf(4).map((_, e) => w.slice(8 * e, 8 * e + 8));
      const child = topTwoEdges(rows, 4);
      const strength = (e: number): number => Math.max(...w.slice(8 * e + 1, 8 * e + 8));
      for (const to of [2, 3, 4, 5]) {
        const into = edgesOf(4).flatMap((edge, e) => (edge.to === to ? [{ ...edge, e }] : []));
        const chosen = child.filter((c) => c.to === to);
        expect(chosen).toHaveLength(2);
        const picked = into.filter(({ from }) => chosen.some((c) => c.from === from));
        const others = into.filter((i) => !picked.includes(i));
        const weakest = Math.min(...picked.map(({ e }) => strength(e)));
        for (const { e } of others) expect(strength(e)).toBeLessThanOrEqual(weakest);
        for (const { from, e } of picked) {
          const { operation } = chosen.find((c) => c.from === from)!;
          expect(operation).not.toBe('none');
          expect(w[8 * e + operationNumber(operation)]).toBe(strength(e));
        }
      }
    }),
    { seed: 5, numRuns: 40 },
  );
});
