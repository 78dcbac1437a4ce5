/** @file What several options of choices begin with on one tensor, computed once: relu and pools have no parameters and no state. */
import { relu } from '../../core/ops.ts';
import type { Tensor } from '../../core/tensor.ts';
import { AvgPool2d, MaxPool2d, ReLU, Sequential } from '../../nn/layers.ts';
import type { Layer } from '../../nn/module.ts';

/** A layer that begins with the relu of its input and can go on from it where it is known. */
export interface BeginsWithRelu {
  afterRelu(rectified: Tensor): Tensor;
}

/** The name under which a layer without parameters is shared; undefined for one that is not. */
function shared(layer: Layer | undefined): string | undefined {
  if (layer instanceof ReLU) return 'relu';
  if (layer instanceof MaxPool2d) return `max ${JSON.stringify([layer.kernel, layer.options])}`;
  if (layer instanceof AvgPool2d) return `avg ${JSON.stringify([layer.kernel, layer.options])}`;
  return undefined;
}

/** Applies options to tensors, and computes once what several of them begin with on one tensor. An object serves one forward pass. */
export class SharedBeginnings {
  readonly #made = new Map<Tensor, Map<string, Tensor>>();

  forward(layer: Layer, x: Tensor): Tensor {
    if ('afterRelu' in layer) return (layer as unknown as BeginsWithRelu).afterRelu(this.#once(x, 'relu', relu));
    if (!(layer instanceof Sequential)) return layer.forward(x);
    const [first] = layer.layers;
    const name = shared(first);
    if (name === undefined) return layer.forward(x);
    return layer.after(
      1,
      this.#once(x, name, () => first!.forward(x)),
    );
  }

  #once(x: Tensor, name: string, make: (x: Tensor) => Tensor): Tensor {
    const known = this.#made.get(x) ?? new Map<string, Tensor>();
    this.#made.set(x, known);
    const made = known.get(name) ?? make(x);
    known.set(name, made);
    return made;
  }
}
