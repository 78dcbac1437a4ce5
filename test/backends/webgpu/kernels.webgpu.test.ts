/** @file The kernels that a software adapter with many bindings avoids (trees in workgroup memory, many workgroups a channel, eight buffers). */
import { webgpu } from '../../../src/devices/webgpu.ts';
import { describeFusedKernels } from '../../support/fused-kernels.ts';

describeFusedKernels(() => webgpu({ asHardware: true, maxStorageBuffers: 8 }));
