/** @file Named inputs of a captured step: found by name whatever their order, in groups, and refused where names differ. */
import { expect, it } from 'vitest';
import { CaptureError } from '../../../src/contract/errors.ts';
import { assign, cpu, sub, type Tensor } from '../../../src/index.ts';
import { captureNamed } from '../../../src/snas/search/named-inputs.ts';

const device = cpu();

it('a step takes its inputs by name in every call, in whatever order and group they are given', async () => {
  const out = device.parameter([0]);
  let runs = 0;
  const step = captureNamed((inputs: { readonly whole: Tensor; readonly part: { readonly taken: Tensor } }) => {
    runs++;
    assign(out, sub(inputs.whole, inputs.part.taken));
  });
  const [five, two] = [device.tensor([5]), device.tensor([2])];
  step.run({ whole: five, part: { taken: two } });
  expect(await out.item()).toBe(3);
  step.run({ part: { taken: five }, whole: two });
  expect(await out.item()).toBe(-3);
  expect(runs).toBe(1);
  expect(step.info?.launches).toBeGreaterThan(0);
  step.dispose();
});

it('groups without a tensor and inputs that are left out are what they were in the first call', () => {
  const seen: unknown[] = [];
  const step = captureNamed((inputs: { readonly x: Tensor; readonly none: {}; readonly absent: Tensor | undefined }) => {
    seen.push(Object.keys(inputs), inputs.none, inputs.absent);
  });
  step.run({ x: device.tensor([1]), none: {}, absent: undefined });
  expect(seen).toEqual([['x', 'none', 'absent'], {}, undefined]);
  step.dispose();
});

it('a call with other names is a CaptureError that lists both', () => {
  const step = captureNamed((inputs: { readonly a: Tensor; readonly b?: Tensor }) => void inputs);
  step.run({ a: device.tensor([1]) });
  const more = (): void => step.run({ a: device.tensor([1]), b: device.tensor([2]) });
  expect(more).toThrow(CaptureError);
  expect(more).toThrow(/with the inputs a was given a, b/);
  step.dispose();
});
