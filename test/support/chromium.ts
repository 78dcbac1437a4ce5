/** @file How tests launch Chromium: headless, with its software WebGPU adapter. */

/** Options for playwright's `chromium.launch`. */
export interface ChromiumOptions {
  readonly executablePath: string;
  readonly args: string[];
  readonly env?: Record<string, string>;
}

/** CHROMIUM names the browser; CHROMIUM_LIBRARIES a folder of libraries that a bare system lacks (scripts/software-gpu.mjs sets both). */
export function chromiumOptions(): ChromiumOptions {
  const libraries = process.env['CHROMIUM_LIBRARIES'];
  const env = Object.fromEntries(Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined));
  return {
    executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
    ...(libraries !== undefined && { env: { ...env, LD_LIBRARY_PATH: libraries } }),
    args: [
      '--no-sandbox',
      '--enable-unsafe-webgpu',
      '--use-webgpu-adapter=swiftshader',
      '--disable-background-networking',
      '--disable-component-update',
    ],
  };
}
