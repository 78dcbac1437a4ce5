/** @file GradientError: what a failed gradient check says, in a form that a person can act on. */
import { ReparamError } from '../contract/errors.ts';
import { showShape, stridesOf } from '../contract/shape.ts';
import type { Shape } from '../contract/shape.ts';

/** Which promise was broken. */
export type GradientFault =
  /** The analytic derivative is not the numeric one. */
  | 'wrong'
  /** Too many derivatives could not be judged: a kink, a pole or lost digits at this point. */
  | 'non-smooth'
  /** All derivatives are too small to be seen beside the rounding or the noise of the function. */
  | 'hidden'
  /** A second backward pass gave other bits. */
  | 'not repeatable'
  /** vjp(a v + b w) is not a vjp(v) + b vjp(w). */
  | 'not linear in the cotangent'
  /** <w, A x> is not <A'w, x>, for an operation that is said to be linear. */
  | 'not the adjoint'
  /** The backward pass gives another gradient when it is itself captured. */
  | 'differs under createGraph';

export interface GradientFailure {
  readonly fault: GradientFault;
  readonly operation: string;
  readonly order: number;
  /** Position of the input among the operation's arguments. */
  readonly input: number;
  readonly shape: Shape;
  /** Flat, row-major index into the input; undefined where the failure is of all elements together. */
  readonly element: number | undefined;
  readonly analytic: number;
  readonly numeric: number;
  /** What each of the two may be off by; undefined where the fault is not one of differences. */
  readonly uncertainty?: { readonly analytic: number; readonly numeric: number };
  /** |analytic - numeric| over the scale that the tolerance refers to, and how much of that was allowed. */
  readonly relativeError: number;
  readonly allowed: number;
  /** How to see it again. */
  readonly replay: string;
  /** Of a function on plain numbers: where the component is ('input 0 (positions)[1].y'), and of which output. */
  readonly component?: string;
  /** What is known of the function's noise, where it is more than rounding in float64. */
  readonly noise?: string;
  /** The inputs at which it failed, the smallest that were found. */
  readonly smallest?: string;
  /** What the input is, where it is not an argument of the operation itself ('cotangent of order 1'). */
  readonly role?: string;
}

/** A gradient check that failed. The fields of `failure` are what the message prints. */
export class GradientError extends ReparamError {
  override name = 'GradientError';
  readonly failure: GradientFailure;
  constructor(failure: GradientFailure) {
    super(describe(failure));
    this.failure = failure;
  }
}

const headlines: Readonly<Record<GradientFault, string>> = {
  wrong: 'wrong derivative',
  'non-smooth': 'non-smooth or ill-conditioned here, so nothing was proved',
  hidden: 'not judged, for rounding or noise in the function hides every derivative',
  'not repeatable': 'a second backward pass gave other bits',
  'not linear in the cotangent': 'the VJP is not linear in its cotangent',
  'not the adjoint': 'the VJP is not the adjoint of this linear operation',
  'differs under createGraph': 'the backward pass gives another gradient under createGraph',
};

function describe(f: GradientFailure): string {
  const at = f.element === undefined ? 'all elements together' : `element ${f.element} ${indexOf(f.element, f.shape)}`;
  const lines: (readonly [string, string])[] = [
    f.component === undefined
      ? ['input', `${f.role ?? f.input} of shape ${showShape(f.shape)}, ${at}`]
      : ['component', f.component],
    ['analytic', withUncertainty(f.analytic, f.uncertainty?.analytic)],
    ['numeric', withUncertainty(f.numeric, f.uncertainty?.numeric)],
    ['error', `${f.relativeError.toExponential(2)} relative, allowed ${f.allowed.toExponential(2)}`],
  ];
  if (f.noise !== undefined) lines.push(['noise', f.noise]);
  if (f.smallest !== undefined) lines.push(['smallest', f.smallest]);
  lines.push(['replay', f.replay]);
  const width = f.component === undefined ? 10 : 11;
  const order = f.component === undefined ? `, at order ${f.order}` : '';
  return [`${f.operation}: ${headlines[f.fault]}${order}`, ...lines.map(([key, text]) => `  ${key.padEnd(width)}${text}`)].join(
    '\n',
  );
}

/** 'value +- uncertainty'. */
export function withUncertainty(value: number, uncertainty: number | undefined): string {
  return uncertainty === undefined || uncertainty === 0 ? `${value}` : `${value} +- ${uncertainty.toExponential(1)}`;
}

function indexOf(element: number, shape: Shape): string {
  const strides = stridesOf(shape);
  return `= [${shape.map((d, i) => Math.floor(element / strides[i]!) % d).join(', ')}]`;
}
