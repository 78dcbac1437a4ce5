/**
 * @file Optional peer packages: loading one says whether it is not there or there and broken, for the two want different advice.
 *
 * A runtime looks for a package from the file that imports it. A command that is installed globally looks in the project that it is run in
 * too: it hands over a finder (command/peers.ts), so that nothing here needs Node.
 */

/** A package that was loaded, or why it was not: `missing` says where it was looked for. */
export type Peer<Module> =
  | { readonly state: 'loaded'; readonly module: Module }
  | { readonly state: 'missing'; readonly where: string; readonly cause: unknown }
  | { readonly state: 'broken'; readonly cause: unknown };

/** Where else to look. */
export interface PeerFinder {
  /** Loads a package, or gives undefined where it is not there. Rejects where it is there and does not load. */
  readonly load: (name: string) => Promise<unknown>;
  /** For people: ' (looked for from A and from B)'. */
  readonly where: () => string;
}

let finder: PeerFinder | undefined;

/** From now on, what a runtime does not find is looked for by `another` too. */
export function findPeersBy(another: PeerFinder): void {
  finder = another;
}

/** Loads the package `name` by `load`, an import of it that bundlers may see or may not, else by the finder. */
export async function loadPeer<Module>(name: string, load: () => Promise<Module>): Promise<Peer<Module>> {
  try {
    return { state: 'loaded', module: await load() };
  } catch (cause) {
    if (!isMissing(name, cause)) return { state: 'broken', cause };
    try {
      const module = await finder?.load(name);
      if (module !== undefined) return { state: 'loaded', module: module as Module };
    } catch (broken) {
      return { state: 'broken', cause: broken };
    }
    return { state: 'missing', where: finder?.where() ?? '', cause };
  }
}

/**
 * Whether an import failed because there is no package of this name, and not because of something inside it: every runtime's message names the
 * package, in quotes, while a part of it that is missing has a longer path.
 */
function isMissing(name: string, cause: unknown): boolean {
  const message = cause instanceof Error ? cause.message : String(cause);
  return ["'", '"', '`'].some((quote) => message.includes(quote + name + quote)) || message.includes(`npm:${name}`);
}
