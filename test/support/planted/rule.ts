/** @file What a planted wrong rule is: an operation of the registry with a VJP in which one thing is wrong. */
import { customVjp, type Tensor, type VjpContext } from '../../../src/index.ts';

/** A wrong VJP, run on the cases of the right operation. */
export interface PlantedRule {
  /** The operation of the registry whose value it has. */
  readonly of: string;
  /** What is wrong with its gradient. */
  readonly wrong: string;
  readonly run: (inputs: readonly Tensor[], params: unknown) => Tensor;
}

type Backward<Params> = (
  g: Tensor,
  context: VjpContext<readonly Tensor[]> & { readonly params: Params },
) => readonly (Tensor | undefined)[];

/** Plants `backward` behind `forward`, whose value is right. */
export function plant<Params>(
  of: string,
  wrong: string,
  forward: (inputs: readonly Tensor[], params: Params) => Tensor,
  backward: Backward<Params>,
): PlantedRule {
  return {
    of,
    wrong,
    run: (inputs, params) =>
      customVjp(
        `${of}, ${wrong}`,
        (...xs: readonly Tensor[]) => forward(xs, params as Params),
        (g, context) => backward(g, { ...context, params: params as Params }),
      )(...inputs),
  };
}

/** For an operation of one tensor and no parameters. */
export function plantUnary(
  of: string,
  wrong: string,
  forward: (x: Tensor) => Tensor,
  backward: (g: Tensor, x: Tensor, y: Tensor) => Tensor,
): PlantedRule {
  return plant(
    of,
    wrong,
    ([x]) => forward(x!),
    (g, { inputs: [x], output }) => [backward(g, x!, output)],
  );
}
