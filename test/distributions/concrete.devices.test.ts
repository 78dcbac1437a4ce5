/** @file The relaxed one-hot categorical against PyTorch's: samples of the same noise, log density, score and entropy. */
import { afterAll, beforeAll, describe, it } from 'vitest';
import { RelaxedOneHotCategorical } from '../../src/distributions/index.ts';
import { type Device, grad, sum } from '../../src/index.ts';
import golden from '../golden/distributions.json' with { type: 'json' };
import { openDevice } from '../support/device.ts';
import { expectClose, fill, toleranceOf } from '../support/golden.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.destroy());

describe('RelaxedOneHotCategorical', () => {
  it.each(golden.values)('$n categories at temperature $temperature', async (c) => {
    const logits = fill(device, `${c.name}.logits`, [3, c.n], 2);
    const noise = fill(device, `${c.name}.noise`, [3, c.n], 2);
    const p = new RelaxedOneHotCategorical({ logits, temperature: c.temperature });
    const z = device.tensor(c.z, [3, c.n]);
    const t = toleranceOf(device, 1e-12, 1e-5);
    await expectClose('z', p.rsample({ noise }), c.z, t);
    await expectClose('log density of z', p.logProb({ z }), c.logProb, t);
    await expectClose('log density of the noise', p.logProb({ noise }), c.logProb, t);
    await expectClose('score of z', p.score({ z }), c.score, t);
    await expectClose('score of the noise', p.score({ noise }), c.score, t);
    await expectClose('derivative of the log density', grad(sum(p.logProb({ z })), [logits])[0], c.score, t);
    await expectClose('entropy', p.entropy(), c.entropy, t);
  });
});
