/** @file What optimisers share: slots beside each parameter, hyperparameters as a tensor, state that can be saved. */
import type { Device } from '../core/tensor.ts';
import { OptionError, ShapeError } from '../contract/errors.ts';
import { noGrad } from '../core/grad-mode.ts';
import { type StateDict, stateNumbers } from '../nn/module.ts';
import { assign, concat } from '../core/ops.ts';
import { checkFloats, deviceOf } from '../core/primitive.ts';
import { scope } from '../core/scope.ts';
import { checkInteger, sameShape, showShape } from '../contract/shape.ts';
import type { Tensor } from '../core/tensor.ts';

export interface StepOptions {
  /** Multiplies every gradient, [1]: what `clipGradNorm` returns. */
  readonly scale?: Tensor;
}

/**
 * Base of SGD and Adam. A step has two halves: `prepare` (host: counts the step and writes the hyperparameters of this step
 * into a tensor) and `apply` (device: updates parameters in place). `step` does both; a captured step contains only `apply`.
 */
export abstract class Optimizer {
  readonly parameters: readonly Tensor[];
  /** Learning rate of the next step; set it from a schedule. */
  lr: number;
  /** Steps taken. */
  steps = 0;
  protected readonly slots: readonly (readonly Tensor[])[];
  readonly #hyper: Tensor;
  readonly #one: Tensor;

  constructor(parameters: readonly Tensor[], lr: number, slotsPerParameter: number, hyperLength: number) {
    const head = parameters[0];
    if (!head) throw new OptionError('optimizer: needs at least one parameter');
    if (!(lr >= 0)) throw new OptionError(`optimizer: learning rate ${lr} must be >= 0`);
    if (new Set(parameters.map((p) => p.storage)).size < parameters.length) {
      throw new OptionError('optimizer: two of the parameters share memory; each must be given once');
    }
    const device: Device = deviceOf('optimizer', parameters);
    checkFloats('optimizer', parameters);
    for (const p of parameters) p.operand('optimizer');
    this.parameters = parameters;
    this.lr = lr;
    this.slots = parameters.map((p) =>
      Array.from({ length: slotsPerParameter }, () => device.parameter(new Float64Array(p.size), p.shape)),
    );
    this.#hyper = device.parameter(new Float64Array(hyperLength), [hyperLength]);
    this.#one = device.parameter([1], [1]);
  }

  /** Names of the slots, as they are saved. */
  protected abstract slotNames(): readonly string[];
  /** This step's hyperparameters, the gradient's scale aside, which is appended. */
  protected abstract hyperparameters(): readonly number[];
  protected abstract update(parameter: Tensor, slots: readonly Tensor[], gradient: Tensor, hyper: Tensor): void;

  /** Updates every parameter; an optimiser may know a way to update several at once. */
  protected updateAll(gradients: readonly Tensor[], hyper: Tensor): void {
    for (const [i, p] of this.parameters.entries()) this.update(p, this.slots[i]!, gradients[i]!, hyper);
  }

  /** Counts a step and uploads its hyperparameters. */
  prepare(): void {
    this.steps++;
    const values = this.hyperparameters();
    const { device } = this.#hyper;
    scope(() => assign(this.#hyper, device.tensor(values, [values.length])));
  }

  /** Updates all parameters in place: gradients in the parameters' order. */
  apply(gradients: readonly Tensor[], options: StepOptions = {}): void {
    this.#check(gradients, options);
    noGrad(() => scope(() => this.updateAll(gradients, concat([this.#hyper, options.scale ?? this.#one]))));
  }

  /** Checks all of a step before its first update: it is taken whole or not at all. */
  #check(gradients: readonly Tensor[], { scale = this.#one }: StepOptions): void {
    if (gradients.length !== this.parameters.length) {
      throw new OptionError(`optimizer: ${gradients.length} gradients for ${this.parameters.length} parameters`);
    }
    const tensors = [...gradients, ...this.parameters, scale];
    deviceOf('optimizer', tensors);
    checkFloats('optimizer', tensors);
    for (const t of tensors) t.operand('optimizer');
    if (scale.rank !== 1 || scale.size !== 1) throw new ShapeError(`optimizer: scale ${showShape(scale.shape)} must be [1]`);
    for (const [i, p] of this.parameters.entries()) {
      const g = gradients[i]!;
      if (!sameShape(g.shape, p.shape)) {
        throw new ShapeError(`optimizer: gradient ${showShape(g.shape)} for parameter ${i} of shape ${showShape(p.shape)}`);
      }
    }
  }

  step(gradients: readonly Tensor[], options: StepOptions = {}): void {
    this.#check(gradients, options);
    this.prepare();
    this.apply(gradients, options);
  }

  /** Slots and step count on the host. */
  async stateDict(): Promise<StateDict> {
    const out: StateDict = { steps: { shape: [1], data: Float64Array.of(this.steps) } };
    for (const [i, slots] of this.slots.entries()) {
      for (const [j, slot] of slots.entries()) {
        out[`${i}.${this.slotNames()[j]}`] = { shape: slot.shape, data: await slot.data() };
      }
    }
    return out;
  }

  /** Copies saved slots and the step count in, in place; all of it is checked before the first is copied. */
  loadStateDict(state: StateDict): void {
    const entry = (name: string): StateDict[string] => {
      const found = state[name];
      if (!found) throw new OptionError(`optimizer: ${name} is missing from the saved state`);
      return found;
    };
    const steps = Number(entry('steps').data[0]);
    checkInteger('optimizer', 'the saved number of steps', steps, 0);
    const loads = this.slots.flatMap((slots, i) =>
      slots.map((slot, j) => {
        const name = `${i}.${this.slotNames()[j]}`;
        const saved = entry(name);
        if (!sameShape(saved.shape, slot.shape)) {
          throw new ShapeError(
            `optimizer: ${name} has shape ${showShape(saved.shape)}, its parameter has ${showShape(slot.shape)}`,
          );
        }
        return { slot, data: stateNumbers('optimizer', name, saved) };
      }),
    );
    for (const { slot, data } of loads) scope(() => assign(slot, slot.device.tensor(data, slot.shape)));
    this.steps = steps;
  }

  dispose(): void {
    for (const slots of this.slots) for (const slot of slots) slot.dispose();
    this.#hyper.dispose();
    this.#one.dispose();
  }
}
