/** @file One step of a long short-term memory. Hochreiter and Schmidhuber, 1997, with a forget gate; PyTorch's layout. */
import { checkInteger } from '../contract/shape.ts';
import type { Device } from '../core/tensor.ts';
import { linear } from '../core/composites.ts';
import { add, mul, sigmoid, slice, tanh } from '../core/ops.ts';
import { foldIn, type Key } from '../core/random.ts';
import type { Tensor } from '../core/tensor.ts';
import { uniformParameter } from './init.ts';
import { Module } from './module.ts';

export interface LstmState {
  /** [n, hidden] each: output and memory. */
  readonly h: Tensor;
  readonly c: Tensor;
}

/**
 * c' = f c + i g, h' = o tanh(c'), with i, f, o sigmoid and g tanh of rows of W_ih x + b_ih + W_hh h + b_hh, in the order i, f, g, o.
 * weight_ih [4 hidden, input], weight_hh [4 hidden, hidden]; uniform in +-1 / sqrt(hidden).
 */
export class LstmCell extends Module {
  readonly weight_ih: Tensor;
  readonly weight_hh: Tensor;
  readonly bias_ih: Tensor;
  readonly bias_hh: Tensor;
  readonly hidden: number;

  constructor(device: Device, key: Key, input: number, hidden: number) {
    super();
    checkInteger('LstmCell', 'input', input, 1);
    checkInteger('LstmCell', 'hidden', hidden, 1);
    const bound = 1 / Math.sqrt(hidden);
    const make = (i: number, shape: readonly number[]): Tensor => uniformParameter(device, foldIn(key, i), shape, bound);
    this.hidden = hidden;
    this.weight_ih = make(0, [4 * hidden, input]);
    this.weight_hh = make(1, [4 * hidden, hidden]);
    this.bias_ih = make(2, [4 * hidden]);
    this.bias_hh = make(3, [4 * hidden]);
  }

  /** x [n, input] and the state before -> the state after. */
  forward(x: Tensor, { h, c }: LstmState): LstmState {
    const gates = add(linear(x, this.weight_ih, this.bias_ih), linear(h, this.weight_hh, this.bias_hh));
    const gate = (i: number): Tensor => slice(gates, [0, i * this.hidden], [undefined, (i + 1) * this.hidden]);
    const memory = add(mul(sigmoid(gate(1)), c), mul(sigmoid(gate(0)), tanh(gate(2))));
    return { h: mul(sigmoid(gate(3)), tanh(memory)), c: memory };
  }

  /** Zeros for n sequences. */
  initial(n: number): LstmState {
    checkInteger('LstmCell', 'n', n, 0);
    const { device } = this.weight_ih;
    return { h: device.zeros([n, this.hidden]), c: device.zeros([n, this.hidden]) };
  }
}
