/** @file The kernels that a software adapter with many bindings avoids (trees in workgroup memory, many workgroups a channel, eight buffers). */
import { webgpu } from '../../src/webgpu/device.ts';
import { describeFusedKernels } from '../support/fused_kernels.ts';

describeFusedKernels(() => webgpu({ asHardware: true, maxStorageBuffers: 8 }));
