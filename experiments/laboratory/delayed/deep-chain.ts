/**
 * @file A NAS decision process whose exact gradient is known at any depth: a chain of linear cells under a quadratic loss.
 *
 * x_{t+1} = sum_k z_t,k W_t,k x_t and L = |x_T - y|^2 / 2. With independent choices the mean m and second moment M of x obey
 * m' = sum_k pi_k W_k m and M' = sum_k pi_k W_k M W_k', so E[L] = (tr M_T - 2 y . m_T + |y|^2) / 2 needs no enumeration.
 */
import {
  add,
  broadcastTo,
  type Device,
  dot,
  enableGrad,
  foldIn,
  grad,
  key,
  matmul,
  mul,
  normals,
  reshape,
  scope,
  slice,
  softmax,
  square,
  sub,
  sum,
  type Tensor,
} from 'reparam';
import type { ArchitectureFixture, GatedEdge } from 'reparam/credit';

export interface DeepChain extends ArchitectureFixture {
  readonly depth: number;
  /** E[L] over one-hot choices, and its gradient in the logits, flat [depth, operations]; exact. */
  exact(logits: readonly (readonly number[])[]): Promise<{ readonly expected: number; readonly gradient: Float64Array }>;
}

/** How a chain's matrices W are drawn, independently for every cell and operation. */
export const chainFamilies = ['scaled rotation', 'fixed rotation', 'Gaussian', 'near identity'] as const;
export type ChainFamily = (typeof chainFamilies)[number];

export interface DeepChainOptions {
  /**
   * 'scaled rotation' (default): rotations whose angles have variance 2.25 / depth, so that the whole chain turns by about as much at every depth. 'fixed
   * rotation': variance 1/4 at every depth. 'Gaussian': independent entries of variance 1 / size. 'near identity': the identity plus a fifth of that.
   */
  readonly family?: ChainFamily;
  readonly depth: number;
  /** Default 3. */
  readonly operations?: number;
  /** Default 4. */
  readonly size?: number;
  readonly seed?: number;
}

/** The chain, with matrices of the family that is asked for. */
export function deepChain(device: Device, options: DeepChainOptions): DeepChain {
  const { depth, operations = 3, size = 4, seed = 1, family = 'scaled rotation' } = options;
  const k = key(seed);
  const edges: GatedEdge[] = Array.from({ length: depth }, (_, t) => ({ name: `${t}-${t + 1}`, from: t, to: t + 1 }));
  const drawn = edges.map((_, t) =>
    Array.from({ length: operations }, (_u, op) => draw[family](foldIn(foldIn(k, 1), t * operations + op), size, depth)),
  );
  const weights = drawn.map((ws) => ws.map((w) => device.parameter(w, [size, size])));
  // Row vectors, x' = x W: all operations of a cell are one product with their weights side by side.
  const joined = drawn.map((ws) => {
    const whole = new Float64Array(size * operations * size);
    ws.forEach((w, op) => w.forEach((v, i) => (whole[(Math.floor(i / size) * operations + op) * size + (i % size)] = v)));
    return device.parameter(whole, [size, operations * size]);
  });
  const start = device.parameter(unit(normals(foldIn(k, 2), size)), [1, size]);
  const target = device.parameter(unit(normals(foldIn(k, 3), size)), [1, size]);
  const losses = (x: Tensor): Tensor => mul(sum(square(sub(x, target)), 1), 0.5);
  return {
    device,
    depth,
    edges,
    operations,
    network: (z) => ({
      edges,
      run: (tap = (_e, output) => output, rowTap = (_e, row) => row) => {
        const s = z.shape[0]!;
        const nodes = new Map<number, Tensor>();
        let x = broadcastTo(start, [s, size]);
        for (let t = 0; t < depth; t++) {
          const all = reshape(matmul(x, joined[t]!), [s, operations, size]);
          const gates = reshape(rowTap(t, reshape(slice(z, [0, t], [s, t + 1]), [s, operations])), [s, 1, operations]);
          x = tap(t, reshape(matmul(gates, all), [s, size]));
          nodes.set(t + 1, x);
        }
        return { losses: losses(x), nodes };
      },
    }),
    exact: async (logits) => {
      const { expected, gradient } = enableGrad(() =>
        scope(() => {
          const l = device.tensor(logits.flat(), [depth, operations]);
          const pi = softmax(l);
          let m = start;
          let second = matmul(start, start, { transposeA: true });
          for (let t = 0; t < depth; t++) {
            const p = (op: number): Tensor => slice(pi, [t, op], [t + 1, op + 1]);
            const [m0, second0] = [m, second];
            const total = (f: (w: Tensor) => Tensor): Tensor =>
              weights[t]!.map((w, op) => mul(p(op), f(w))).reduce((a, b) => add(a, b));
            m = total((w) => matmul(m0, w));
            second = total((w) => matmul(matmul(w, second0, { transposeA: true }), w));
          }
          const identity = device.tensor(
            Array.from({ length: size * size }, (_, i) => Number(i % (size + 1) === 0)),
            [size, size],
          );
          const value = mul(add(sub(dot(second, identity), mul(dot(m, target), 2)), dot(target, target)), 0.5);
          return { expected: value, gradient: grad(value, [l])[0] };
        }),
      );
      const [e, g] = await Promise.all([expected.item(), gradient.data()]);
      expected.dispose();
      gradient.dispose();
      return { expected: e, gradient: Float64Array.from(g) };
    },
  };
}

function unit(v: Float64Array): Float64Array {
  const length = Math.hypot(...v);
  return v.map((x) => x / length);
}

type Draw = (k: readonly [number, number], size: number, depth: number) => Float64Array;

const draw: Readonly<Record<ChainFamily, Draw>> = {
  'scaled rotation': (k, size, depth) => rotation(k, size, 1.5 / Math.sqrt(depth)),
  'fixed rotation': (k, size) => rotation(k, size, 0.5),
  Gaussian: (k, size) => normals(k, size * size).map((v) => v / Math.sqrt(size)),
  'near identity': (k, size) => normals(k, size * size).map((v, i) => (0.2 * v) / Math.sqrt(size) + Number(i % (size + 1) === 0)),
};

/** A random rotation: Givens rotations over all pairs of axes, their angles normal with the given standard deviation. */
function rotation(k: readonly [number, number], size: number, deviation: number): Float64Array {
  const angles = normals(k, (size * (size - 1)) / 2);
  const out = Float64Array.from({ length: size * size }, (_, i) => Number(i % (size + 1) === 0));
  let next = 0;
  for (let p = 0; p < size; p++) {
    for (let q = p + 1; q < size; q++) {
      const angle = deviation * angles[next++]!;
      const [c, s] = [Math.cos(angle), Math.sin(angle)];
      for (let row = 0; row < size; row++) {
        const a = out[row * size + p]!;
        const b = out[row * size + q]!;
        out[row * size + p] = c * a - s * b;
        out[row * size + q] = s * a + c * b;
      }
    }
  }
  return out;
}
