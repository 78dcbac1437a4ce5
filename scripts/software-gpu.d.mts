/** Whether the dev dependency is there and is built for this machine. */
export function softwareGpuAvailable(): boolean;
/** Environment variables that make Dawn use this driver. */
export function softwareDriver(): Record<string, string>;
/** Environment variables that make vitest.config.ts launch this Chromium with the libraries that a bare system lacks. */
export function carriedChromium(): Record<string, string>;
