/* oxlint-disable unicorn/require-post-message-target-origin -- a worker posts to its owner */
/** @file The same report from a module worker. */
import { report } from './app.js';

report().then(
  (result) => globalThis.postMessage(result),
  (error) => globalThis.postMessage({ failure: String(error?.stack ?? error) }),
);
