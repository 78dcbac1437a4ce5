/** @file An LSTM over whole sequences, written in the engine's operations and trained by its gradients. */
import {
  add,
  concat,
  type Device,
  foldIn,
  type Key,
  matmul,
  mul,
  normals,
  reshape,
  sigmoid,
  slice,
  tanh,
  type Tensor,
} from 'reparam';

export interface LstmOptions {
  readonly inputs: number;
  readonly units: number;
  readonly key: Key;
  /** Without it the memory never decays, which is how RUDDER keeps early events in view. Default false. */
  readonly forgetGate?: boolean;
  /** Default false: the output is the memory itself. */
  readonly outputGate?: boolean;
  /** Mean of the input gate's bias at the start: negative keeps the memory closed at first. Default 0. */
  readonly inputGateBias?: number;
}

/**
 * c_t = f_t c_{t-1} + i_t tanh(W x_t + b),  h_t = o_t tanh(c_t), each gate sigmoid(U x_t + V h_{t-1} + b). Without a forget gate f = 1;
 * without an output gate h = c. Source: Hochreiter and Schmidhuber 1997; the gates left out are RUDDER's choice for delayed rewards.
 */
export class Lstm {
  readonly units: number;
  readonly parameters: readonly Tensor[];
  readonly #gates: readonly ('input' | 'forget' | 'output')[];
  readonly #device: Device;
  /** [inputs, (1 + gates) units]: the cell input first, then the gates. */
  readonly #fromInput: Tensor;
  /** [units, gates units]. */
  readonly #fromOutput: Tensor;
  readonly #bias: Tensor;

  constructor(device: Device, options: LstmOptions) {
    const { inputs, units, key, forgetGate = false, outputGate = false, inputGateBias = 0 } = options;
    this.units = units;
    this.#device = device;
    this.#gates = ['input', ...(forgetGate ? ['forget' as const] : []), ...(outputGate ? ['output' as const] : [])];
    const gates = this.#gates.length;
    const width = (1 + gates) * units;
    this.#fromInput = device.parameter(
      normals(foldIn(key, 0), inputs * width).map((v) => 0.3 * v),
      [inputs, width],
    );
    this.#fromOutput = device.parameter(
      normals(foldIn(key, 1), units * gates * units).map((v) => 0.1 * v),
      [units, gates * units],
    );
    const bias = normals(foldIn(key, 2), width).map((v, i) => 0.1 * v + (i >= units && i < 2 * units ? inputGateBias : 0));
    this.#bias = device.parameter(bias, [width]);
    this.parameters = [this.#fromInput, this.#fromOutput, this.#bias];
  }

  /** Outputs of all steps, [time, batch, units], from x [time, batch, inputs]. */
  forward(x: Tensor): Tensor {
    const [time, batch, inputs] = x.shape as [number, number, number];
    const { units } = this;
    const gates = this.#gates.length;
    let memory = this.#device.zeros([batch, units]);
    let output = memory;
    const outputs: Tensor[] = [];
    for (let t = 0; t < time; t++) {
      // One product a step: slices of a product for all steps would each have a gradient as long as the sequence.
      const driven = add(matmul(reshape(slice(x, [t], [t + 1]), [batch, inputs]), this.#fromInput), this.#bias);
      const cellInput = tanh(slice(driven, [0, 0], [batch, units]));
      const open = sigmoid(add(slice(driven, [0, units]), matmul(output, this.#fromOutput)));
      const gate = (name: 'input' | 'forget' | 'output'): Tensor | undefined => {
        const g = this.#gates.indexOf(name);
        if (g < 0) return undefined;
        return gates === 1 ? open : slice(open, [0, g * units], [batch, (g + 1) * units]);
      };
      const forget = gate('forget');
      const written = mul(gate('input')!, cellInput);
      memory = add(forget ? mul(forget, memory) : memory, written);
      const shown = gate('output');
      output = shown ? mul(shown, tanh(memory)) : memory;
      outputs.push(output);
    }
    return reshape(concat(outputs), [time, batch, units]);
  }
}
