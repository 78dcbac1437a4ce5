/** Makes src/backends/webgpu/shaders.gen.ts from shaders/ where it is missing or stale. */
export function makeShaders(): void;
