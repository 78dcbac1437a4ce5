/** @file Which adapters run on the processor, by what they say of themselves. */
import { expect, it } from 'vitest';
import { isSoftwareAdapter } from '../../../../src/backends/webgpu/runtime/adapter.ts';

it.each([
  'llvmpipe (LLVM 19.1.7, 256 bits)',
  'lavapipe',
  'SwiftShader Device (Subzero)',
  'Google SwiftShader',
  'Microsoft Basic Render Driver',
  'D3D12 WARP',
  'Apple Software Renderer',
])('%s is software', (name) => {
  expect(isSoftwareAdapter(name)).toBe(true);
});

it.each(['NVIDIA H100 80GB HBM3', 'AMD Radeon RX 7900 XT', 'Intel(R) Arc(tm) A770 Graphics', 'Apple M3 Max', 'Adreno 740', ''])(
  '%s is hardware',
  (name) => {
    expect(isSoftwareAdapter(name)).toBe(false);
  },
);
