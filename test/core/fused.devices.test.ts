/** @file The fused operations' kernels on every device. */
import { openDevice } from '../support/device.ts';
import { describeFusedKernels } from '../support/fused-kernels.ts';

describeFusedKernels(openDevice);
