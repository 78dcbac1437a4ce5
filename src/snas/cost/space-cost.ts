/** @file C(Z) of a space on a device, as a function of Z that can be differentiated. */
import { dot } from '../../core/composites.ts';
import { add, mul, reshape, slice, sub } from '../../core/ops.ts';
import type { Device, Tensor } from '../../core/tensor.ts';
import { type ChoiceWeights, disposeWeights, type SpaceLayout } from '../space/layout.ts';
import type { PathStep } from '../space/pass.ts';
import { type PlaceCosts, RESOURCES } from '../space/resources.ts';
import { CostTable, type ResourceWeights } from './cost.ts';

/**
 * The weighted cost of an architecture, less what the cheapest comes to: C(Z) = sum over places of (product of Z on the way to the place) Z . C(O) -
 * offset. Its tensors are the device's until `dispose`.
 */
export class SpaceCost {
  readonly layout: SpaceLayout;
  /** By choice, summed over the places that stand in no option of another choice: [choices, options] a matrix. */
  readonly weights: ChoiceWeights;
  readonly offset: number;
  /** One number for each option of each place, in order of evaluation. */
  readonly places: readonly (readonly number[])[];
  /** Whether it is the same for every architecture. */
  readonly constant: boolean;
  readonly #nested: readonly { readonly place: PlaceCosts; readonly costs: Tensor }[];

  constructor(device: Device, table: CostTable, weights: ResourceWeights) {
    this.layout = table.layout;
    const { smallest, largest } = table.extremes();
    this.constant = RESOURCES.every((r) => (weights[r] ?? 0) === 0 || largest[r] === smallest[r]);
    this.offset = RESOURCES.reduce((sum, r) => sum + (weights[r] ?? 0) * smallest[r], 0);
    this.weights = this.layout
      .toMatrices(table.byChoice().map((costs) => CostTable.combined(costs, weights)))
      .map((numbers, m) => device.parameter(numbers, this.layout.shape(m)));
    this.places = table.places.map(({ costs }) => CostTable.combined(costs, weights));
    this.#nested = table.places.flatMap((place, i) =>
      place.path.length > 0 ? [{ place, costs: device.parameter(this.places[i]!, [this.places[i]!.length]) }] : [],
    );
  }

  /** C(Z), a scalar with its graph. */
  of(z: ChoiceWeights): Tensor {
    const terms = this.weights.map((costs, m) => dot(z[m]!, costs));
    for (const { place, costs } of this.#nested) {
      const own = dot(this.layout.row(z, place.choice), costs);
      terms.push(place.path.reduce((sum, step) => mul(sum, this.#entry(z, step)), own));
    }
    const total = terms.reduce((a, b) => add(a, b));
    return this.offset === 0 ? total : sub(total, this.offset);
  }

  dispose(): void {
    disposeWeights(this.weights);
    for (const { costs } of this.#nested) costs.dispose();
  }

  /** Z of one option of a choice, a scalar. */
  #entry(z: ChoiceWeights, { choice, option }: PathStep): Tensor {
    const { matrix, row } = this.layout.place(choice);
    return reshape(slice(z[matrix]!, [row, option], [row + 1, option + 1]), []);
  }
}
