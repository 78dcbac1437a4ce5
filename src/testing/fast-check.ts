/**
 * @file fast-check, an optional peer: loaded here alone, so that its absence is one error that says how to install it. Whoever imports this
 * file waits for it, so `reparam/testing` itself must not: what draws cases is in `reparam/testing/properties`.
 */
import type FastCheck from 'fast-check';
import { ReparamError } from '../contract/errors.ts';
import { loadPeer } from '../contract/peers.ts';

async function load(): Promise<typeof FastCheck> {
  const peer = await loadPeer('fast-check', () => import('fast-check'));
  if (peer.state === 'loaded') return peer.module.default;
  const { cause } = peer;
  if (peer.state === 'broken') throw new ReparamError(`fast-check is installed, but does not load: ${String(cause)}`, { cause });
  throw new ReparamError(
    `cases are drawn with fast-check, which is not installed: npm install --save-dev fast-check${peer.where}; ` +
      'checkGrads of reparam/testing needs none',
    { cause },
  );
}

export const fc: typeof FastCheck = await load();

/** The types that its users say with a namespace's name. */
// eslint-disable-next-line typescript/no-namespace -- as fast-check's own default export, a value and a namespace of types
export declare namespace fc {
  type Arbitrary<T> = FastCheck.Arbitrary<T>;
  type RunDetails<T> = FastCheck.RunDetails<T>;
}
