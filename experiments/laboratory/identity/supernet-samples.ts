/**
 * @file One sample of every term of the credit identity on a search space, at Z = softmax((l + G) / lambda) under one batch: by choice c with
 * tied places p, all of them vectors over the options of c.
 *
 *   pathwise   sum_p (dZ/dl)' dL/dz_p                        its mean is the gradient d/dl E[L]
 *   published  score . (sum_p Z . dL/dz_p)                   score_k = 1 - n softmax_k(-G)
 *   group      score . (L - L without all places of c)       its mean is the gradient, whatever L is
 *   place      sum_p (dZ/dl)' H_pp Z                         curvature of a place
 *   tied       sum_{p, q of c, p != q} (dZ/dl)' H_qp Z       curvature between places of one Z
 *   kinks      d/dl of (sum_p Z . dL/dz_p), less what differentiation sees of it
 *
 * E[published] = E[pathwise] + E[place] + E[tied] + E[kinks]. The two curvatures come from a Hessian-vector product with a random sign for each
 * place, and one with a random sign for each choice: what the signs do not square to 1 averages out. The kinks are a central difference along
 * random signs of all l at once, less the Hessian-vector product in the same direction, at the same noise and batch.
 */
import {
  add,
  alias,
  capture,
  concat,
  type Device,
  dot,
  foldIn,
  grad,
  gumbels,
  type Key,
  mul,
  noGrad,
  reshape,
  scope,
  slice,
  type Tensor,
  uniforms,
} from 'reparam';
import { type LabelledImages } from 'reparam/data';
import { type ChoiceWeights, type SearchSpace, type Task } from 'reparam/snas';

export interface SupernetSampler {
  /** Choice of each place. */
  readonly choices: readonly number[];
  /** One sample at log alpha `logits` (by choice). `ablated`: the choices of which `group` is computed. */
  sample(
    logits: readonly (readonly number[])[],
    lambda: number,
    key: Key,
    batch: LabelledImages,
    ablated: readonly number[],
  ): Promise<SupernetSample>;
  dispose(): void;
}

/** Terms by place, [options of its choice]; `group` by choice, for those that were ablated. */
export interface SupernetSample {
  readonly loss: number;
  readonly score: readonly (readonly number[])[];
  readonly pathwise: readonly (readonly number[])[];
  /** Z . dL/dz_p, minus the credit of the place. */
  readonly held: readonly number[];
  readonly place: readonly (readonly number[])[];
  readonly tied: readonly (readonly number[])[];
  readonly kinks: readonly (readonly number[])[];
  /** L - L without the choice; undefined of those that were not ablated. */
  readonly without: readonly (number | undefined)[];
}

export interface SamplerOptions {
  readonly device: Device;
  readonly space: SearchSpace;
  readonly task: Task;
  /** The shape of a batch's inputs. */
  readonly inputs: readonly number[];
  /** Step of the central difference, as a part of lambda. Default 0.25. */
  readonly step?: number;
}

/** Steps are captured: call it within `withBatchStatistics`. */
export function supernetSampler({ device, space, task, inputs, step = 0.25 }: SamplerOptions): SupernetSampler {
  const { layout } = space;
  const places = space.places(inputs);
  const choices = places.map(({ choice }) => choice);
  const counts = choices.map((c) => layout.choices[c]!.options.length);
  const total = counts.reduce((a, b) => a + b, 0);
  const placesOf = layout.choices.map((_, c) => choices.flatMap((choice, p) => (choice === c ? [p] : [])));
  const ends = counts.reduce<number[]>((list, n) => [...list, (list.at(-1) ?? 0) + n], []);

  const slopesOf = (
    z: ChoiceWeights,
    images: Tensor,
    labels: Tensor,
    createGraph: boolean,
  ): { loss: Tensor; rows: Tensor[]; flat: Tensor } => {
    const rows: Tensor[] = [];
    const loss = task.loss(space.forward(images, z, { rowTap: (place, row) => (rows[place] = alias(row)) }), labels);
    return { loss, rows, flat: concat(grad(loss, rows, { createGraph, unused: 'zeros' })) };
  };
  const zOf = (flat: Tensor): ChoiceWeights => {
    let from = 0;
    return layout.matrices.map((_, m) => {
      const [rows, options] = layout.shape(m);
      const part = reshape(slice(flat, [from], [from + rows * options]), [rows, options]);
      from += rows * options;
      return part;
    });
  };
  const curved = capture((z: Tensor, images: Tensor, labels: Tensor, directions: Tensor) => {
    const { loss, rows, flat } = slopesOf(zOf(z), images, labels, true);
    const products = [0, 1, 2].map((d) => {
      const direction = reshape(slice(directions, [d], [d + 1]), [total]);
      return concat(grad(dot(flat, direction), rows, { unused: 'zeros' }));
    });
    return concat([reshape(loss, [1]), flat, ...products]);
  });
  const first = capture((z: Tensor, images: Tensor, labels: Tensor) => slopesOf(zOf(z), images, labels, false).flat);
  const cut = capture((z: Tensor, images: Tensor, labels: Tensor, gates: Tensor) =>
    noGrad(() => {
      const outputs = space.forward(images, zOf(z), {
        tap: (place, output) =>
          mul(
            output,
            reshape(
              slice(gates, [place], [place + 1]),
              output.shape.map(() => 1),
            ),
          ),
      });
      return add(task.loss(outputs, labels), 0);
    }),
  );
  const uploadZ = (rows: readonly (readonly number[])[]): Tensor =>
    device.tensor(
      layout.toMatrices(rows).flatMap((m) => [...m]),
      [layout.size],
    );
  const byPlace = (flat: ArrayLike<number>, from = 0): number[][] =>
    counts.map((n, p) => Array.from({ length: n }, (_, k) => flat[from + ends[p]! - n + k]!));

  return {
    choices,
    async sample(logits, lambda, key, { images, labels }, ablated) {
      const noise = layout.toRows(layout.draw(foldIn(key, 0), gumbels));
      const score = noise.map((row) => softmax(row.map((g) => -g)).map((p) => 1 - row.length * p));
      const zAt = (shift: number, signs: readonly (readonly number[])[]): number[][] =>
        logits.map((row, c) => softmax(row.map((l, k) => (l + noise[c]![k]! + shift * signs[c]![k]!) / lambda)));
      // Random signs: of places, of choices, of options.
      const signs = Array.from(uniforms(foldIn(key, 1), places.length + logits.length + layout.size), (u) => (u < 0.5 ? -1 : 1));
      const ofPlace = signs.slice(0, places.length);
      const ofChoice = signs.slice(places.length, places.length + logits.length);
      let at = places.length + logits.length;
      const u = logits.map((row) => row.map(() => signs[at++]!));
      const z = zAt(0, u);
      const pull = (c: number, v: readonly number[]): number[] => {
        const row = z[c]!;
        const mean = row.reduce((s, w, k) => s + w * v[k]!, 0);
        return row.map((w, k) => (w * (v[k]! - mean)) / lambda);
      };
      const dz = z.map((_, c) => pull(c, u[c]!));
      const directions = [
        choices.flatMap((c, p) => z[c]!.map((w) => ofPlace[p]! * w)),
        choices.flatMap((c) => z[c]!.map((w) => ofChoice[c]! * w)),
        choices.flatMap((c) => dz[c]!),
      ];
      const read = scope(() => {
        const zt = uploadZ(z);
        const out = alias(curved(zt, images, labels, device.tensor(directions.flat(), [3, total])));
        const h = step * lambda;
        const sides = [h, -h].map((shift) => alias(first(uploadZ(zAt(shift, u)), images, labels)));
        const losses = ablated.map((c) =>
          alias(
            cut(
              zt,
              images,
              labels,
              device.tensor(
                choices.map((d) => (d === c ? 0 : 1)),
                [places.length],
              ),
            ),
          ),
        );
        return {
          out,
          up: sides[0]!,
          down: sides[1]!,
          losses: losses.length > 0 ? concat(losses.map((l) => reshape(l, [1]))) : alias(out),
        };
      });
      const [out, up, down, losses] = await Promise.all([read.out.data(), read.up.data(), read.down.data(), read.losses.data()]);
      for (const t of Object.values(read)) t.dispose();
      const loss = out[0]!;
      const slopes = byPlace(out, 1);
      const [byPlaces, byChoices, along] = [0, 1, 2].map((d) => byPlace(out, 1 + (d + 1) * total));
      const inner = (a: readonly number[], b: readonly number[]): number => a.reduce((s, v, k) => s + v * b[k]!, 0);
      const pathwise = choices.map((c, p) => pull(c, slopes[p]!));
      const held = choices.map((c, p) => inner(z[c]!, slopes[p]!));
      const single = choices.map((c, p) =>
        pull(
          c,
          byPlaces![p]!.map((v) => ofPlace[p]! * v),
        ),
      );
      const all = choices.map((c, p) =>
        pull(
          c,
          byChoices![p]!.map((v) => ofChoice[c]! * v),
        ),
      );
      const alone = choices.map((c) => placesOf[c]!.length === 1);
      const place = single.map((v, p) => (alone[p]! ? v.map((x, k) => (x + all[p]![k]!) / 2) : v));
      const tied = single.map((v, p) => (alone[p]! ? v.map(() => 0) : v.map((x, k) => all[p]![k]! - x)));
      const [zUp, zDown] = [zAt(step * lambda, u), zAt(-step * lambda, u)];
      const [slopesUp, slopesDown] = [byPlace(up), byPlace(down)];
      const kinks = choices.map((c, p) => {
        const central = (inner(zUp[c]!, slopesUp[p]!) - inner(zDown[c]!, slopesDown[p]!)) / (2 * step * lambda);
        const seen = inner(dz[c]!, slopes[p]!) + inner(z[c]!, along![p]!);
        return u[c]!.map((sign) => sign * (central - seen));
      });
      const without: (number | undefined)[] = logits.map(() => undefined);
      ablated.forEach((c, i) => (without[c] = loss - losses[i]!));
      return { loss, score, pathwise, held, place, tied, kinks, without };
    },
    dispose() {
      for (const step of [curved, first, cut]) step.dispose();
    },
  };
}

function softmax(row: readonly number[]): number[] {
  const most = Math.max(...row);
  const powers = row.map((v) => Math.exp(v - most));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((v) => v / sum);
}
