/** @file The kernels that a software adapter avoids (trees in workgroup memory, many workgroups a channel), run on it all the same. */
import { webgpu } from '../../src/webgpu/device.ts';
import { describeFusedKernels } from '../support/fused_kernels.ts';

describeFusedKernels(() => webgpu({ asHardware: true }));
