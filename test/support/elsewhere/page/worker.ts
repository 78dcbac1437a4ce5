/** @file The shared tests on the CPU device in a module worker. */
import { sharedTests, teller } from './tests.ts';

const say = teller('worker, cpu');
// A worker's own has no target origin.
globalThis.postMessage(await sharedTests('cpu', say).catch(String), { transfer: [] });
