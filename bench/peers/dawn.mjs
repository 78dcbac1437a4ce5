/** @file WebGPU for peers that look for `navigator.gpu`: Dawn, with every error outside a scope kept, since dropped work looks fast. */
import os from 'node:os';

const errors = [];
let adapterName = 'no adapter';

/** Errors reported since the last call. */
export function gpuErrors() {
  return errors.splice(0);
}

export function adapterInUse() {
  return adapterName;
}

/** Without WebGPU the libraries still read some of `navigator`. */
export function installNavigator(gpu) {
  const navigator = { userAgent: 'node', hardwareConcurrency: os.availableParallelism(), ...(gpu && { gpu }) };
  Object.defineProperty(globalThis, 'navigator', { value: navigator, configurable: true });
}

export async function installWebGpu() {
  const { create, globals } = await import('webgpu');
  Object.assign(globalThis, globals);
  // Held by the closure below for the life of the process: Dawn crashes when it is collected while a device lives.
  const dawn = create([]);
  installNavigator(
    wrap(dawn, {
      requestAdapter: async (options) => {
        const adapter = await dawn.requestAdapter(options);
        if (!adapter) throw new Error('no WebGPU adapter');
        adapterName = adapter.info.description || adapter.info.device;
        return wrap(adapter, { requestDevice: (descriptor) => requestDevice(adapter, descriptor) });
      },
    }),
  );
}

async function requestDevice(adapter, descriptor = {}) {
  // tfjs nests its list of features.
  const requiredFeatures = [...(descriptor.requiredFeatures ?? [])].flat().map(String);
  const device = await adapter.requestDevice({
    ...descriptor,
    requiredFeatures: requiredFeatures.filter((feature) => adapter.features.has(feature)),
  });
  device.addEventListener('uncapturederror', ({ error }) => errors.push(error.message.slice(0, 300)));
  return device;
}

function wrap(target, replaced) {
  return new Proxy(target, {
    get(object, name) {
      if (name in replaced) return replaced[name];
      const value = object[name];
      return typeof value === 'function' ? value.bind(object) : value;
    },
  });
}
