/** @file Heads, networks and estimators of one's own, each a FILE: a module whose default export makes it. */
import { ReparamError, type Device, type Key, key, Tensor } from 'reparam';
import { loadModule, UsageError } from 'reparam/command';
import { type ArchitectureFixture, type Estimator, type HeadName, headNames, type OwnHead } from 'reparam/credit';

/** What a module of `--head FILE` is given; it returns the head. */
export interface HeadContext {
  readonly device: Device;
  /** Numbers in the node that the head reads. */
  readonly size: number;
  readonly key: Key;
}

/** What a module of `--network FILE` is given; it returns an `ArchitectureFixture`. */
export interface NetworkContext {
  readonly device: Device;
  readonly seed: number;
}

/** What a module of `--estimators FILE` is given; it returns an `Estimator` or a list of them. */
export interface EstimatorContext {
  readonly fixture: ArchitectureFixture;
  /** log alpha, [edges][operations]. */
  readonly logits: readonly (readonly number[])[];
  readonly temperature: number;
  readonly key: Key;
}

/** The size of the node that the fixtures' heads read, if nothing else is said. */
const SIZE = 4;

/** A head by its name, or the one that a FILE makes. */
export async function headOf(name: string, device: Device, seed: number): Promise<HeadName | OwnHead> {
  const known = headNames.find((h) => h === name);
  if (known) return known;
  if (!isFile(name)) throw new UsageError(`head '${name}' is unknown; choose one of ${headNames.join(', ')}, or a FILE`);
  const made = await make(
    name,
    { device, size: SIZE, key: key(seed) } satisfies HeadContext,
    '({ device, size, key }) => (x) => losses',
  );
  if (typeof made !== 'function') throw new UsageError(`${name} makes no head: a function of x [samples, size] is needed`);
  const head = made as (x: Tensor) => unknown;
  return (x) => {
    const losses = head(x);
    if (!(losses instanceof Tensor))
      throw new UsageError(`${name} makes no head: its losses are no tensor of this copy of reparam`);
    return losses;
  };
}

/** The network that a FILE makes. */
export async function networkOf(file: string, device: Device, seed: number): Promise<ArchitectureFixture> {
  const made = await make(file, { device, seed } satisfies NetworkContext, '({ device, seed }) => fixture');
  const fixture = made as Partial<ArchitectureFixture> | null | undefined;
  const whole =
    typeof fixture === 'object' && fixture !== null && Array.isArray(fixture.edges) && typeof fixture.network === 'function';
  if (!whole || !Number.isInteger(fixture.operations) || !fixture.device) {
    throw new UsageError(`${file} makes no network: an object { device, edges, operations, network(z) } is needed`);
  }
  return fixture as ArchitectureFixture;
}

/** The estimators that a FILE makes. */
export async function estimatorsOf(file: string, context: EstimatorContext): Promise<readonly Estimator[]> {
  const made = await make(file, context, '({ fixture, logits, temperature, key }) => estimator');
  const list = (Array.isArray(made) ? made : [made]) as readonly (Partial<Estimator> | null | undefined)[];
  const whole = list.every(
    (e) => typeof e === 'object' && e !== null && typeof e.name === 'string' && typeof e.estimate === 'function',
  );
  if (!whole || list.some((e) => !e?.passes)) {
    throw new UsageError(`${file} makes no estimator: an object { name, unbiased, relaxed, passes, estimate(draw) } is needed`);
  }
  return list as readonly Estimator[];
}

function isFile(name: string): boolean {
  return /\.[cm]?[jt]s$/.test(name);
}

async function make(file: string, context: object, shape: string): Promise<unknown> {
  const { default: maker } = await loadModule(file);
  if (typeof maker !== 'function')
    throw new UsageError(`${file} has no default export that is a function: export default ${shape}`);
  try {
    return (maker as (context: object) => unknown)(context);
  } catch (cause) {
    const told = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
    throw new ReparamError(`${file} fails: ${told}`, { cause });
  }
}
