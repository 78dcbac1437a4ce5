/** @file Sees every kernel that a device is asked to run, with the shapes of its operands. */
import type { Device, KernelOperand } from '../src/index.ts';

export interface Launch {
  /** Of the primitive or kernel. */
  readonly name: string;
  readonly params: object;
  readonly inputs: readonly KernelOperand[];
  readonly outputs: readonly KernelOperand[];
}

/** Calls `seen` for each launch until the returned function is called. On WebGPU these are dispatches; on the CPU, primitives and fused kernels. */
export function watchLaunches(device: Device, seen: (launch: Launch) => void): () => void {
  const { backend } = device;
  const { run, launch } = backend;
  backend.launch = (kernel, inputs, outputs) => {
    seen({ name: kernel.name, params: {}, inputs, outputs });
    launch.call(backend, kernel, inputs, outputs);
  };
  // On WebGPU a primitive arrives as the launches that it is made of.
  if (backend.kind === 'cpu') {
    backend.run = (op, params, inputs, outputs) => {
      seen({ name: op, params, inputs, outputs });
      run.call(backend, op, params, inputs, outputs);
    };
  }
  return () => Object.assign(backend, { run, launch });
}
