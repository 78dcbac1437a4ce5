/** @file The fused operations' kernels on every device. */
import { openDevice } from '../support/device.ts';
import { describeFusedKernels } from '../support/fused_kernels.ts';

describeFusedKernels(openDevice);
