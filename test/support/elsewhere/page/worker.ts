/** @file The shared tests on the CPU device in a module worker. */
import { sharedTests, teller } from './tests.ts';

const say = teller('worker, cpu');
globalThis.postMessage(await sharedTests('cpu', say).catch((error: unknown) => String(error)));
