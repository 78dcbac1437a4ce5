/**
 * @file A trial of the compiler: whether it takes what the device's features promise. An adapter may list `subgroups` before its compiler knows
 * the directive (wgpu once did), and then every kernel that has it would fail at its first use, in the middle of other work.
 */
import type { Shader } from './shader.ts';
import { convPointwise, convTileSubgroups, matmulSubgroups, matmulSubgroupsOfFour, subgroupsTrial } from '../shaders.gen.ts';

/** Every shader that enables subgroups; each has a sibling without, which computes the same. */
export const SUBGROUP_SHADERS: readonly Shader[] = [convPointwise, convTileSubgroups, matmulSubgroups, matmulSubgroupsOfFour];

/** What the compiler says against the kernels with subgroups; undefined if nothing. For a device with that feature. */
export async function refusesSubgroups(device: GPUDevice): Promise<string | undefined> {
  device.pushErrorScope('validation');
  const modules = SUBGROUP_SHADERS.map(({ name, code }) => device.createShaderModule({ label: name, code }));
  const smallest = device.createShaderModule({ label: subgroupsTrial.name, code: subgroupsTrial.code });
  const scope = device.popErrorScope();
  const pipeline = device.createComputePipelineAsync({ layout: 'auto', compute: { module: smallest } });
  const failures = await Promise.all([
    scope.then((error) => error?.message),
    pipeline.then(
      () => undefined,
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    ),
    ...[smallest, ...modules].map(compilationError),
  ]);
  // wgpu's messages begin with an empty line.
  const last = failures.findLast((failure) => failure !== undefined);
  return last?.trim().split('\n', 1)[0];
}

async function compilationError(module: GPUShaderModule): Promise<string | undefined> {
  const { messages } = await module.getCompilationInfo();
  return messages.find(({ type }) => type === 'error')?.message;
}

const told = new Set<string>();

/** Says once for an adapter that kernels without subgroups stand in. */
export function tellRefusal(adapter: string, reason: string): void {
  if (told.has(adapter)) return;
  told.add(adapter);
  console.warn(
    `reparam: ${adapter} lists the feature subgroups, but its compiler refuses it (${reason}); kernels without it run instead`,
  );
}
