/** @file The DARTS space: stacked cells of eight operations an edge, as SNAS and DARTS search them. */
import type { Layer } from '../../../nn/module.ts';
import type { NetworkContext, SpaceDefinition } from '../../space/search-space.ts';
import { architectureGenotype, edgeChoices, genotypeArchitecture } from './choices.ts';
import { costTable, placeCosts } from './cost-table.ts';
import { cellPictures } from './draw.ts';
import { parseGenotype, printGenotype } from './genotype-literal.ts';
import { ChildNetwork, Supernet } from './network.ts';
import type { NetworkConfig } from './network-config.ts';
import { topTwoArchitecture } from './top-two.ts';

/** The sizes of a network of cells that the data do not decide. */
export type DartsSettings = Omit<NetworkConfig, 'classes' | 'inChannels'>;

/** The network's sizes for some data. */
export function dartsConfig(
  settings: DartsSettings,
  { classes, channels }: Pick<NetworkContext, 'classes' | 'channels'>,
): NetworkConfig {
  return { ...settings, classes, inChannels: channels };
}

/** The space of DARTS cells of these sizes. Its child computes only what carries something to a cell's output. */
export function darts(settings: DartsSettings): SpaceDefinition {
  const { nodes = 4 } = settings;
  const config = (context: NetworkContext): NetworkConfig => dartsConfig(settings, context);
  return {
    name: 'darts',
    settings: { ...settings },
    network: (context): Layer => new Supernet(context.device, context.key, config(context)),
    choices: () => edgeChoices(nodes),
    child: (context, architecture): Layer =>
      new ChildNetwork(context.device, context.key, config(context), architectureGenotype(architecture, nodes), { affine: false }),
    strongest: (weights) => topTwoArchitecture(weights, nodes),
    // The table is of square images.
    costs: (context) =>
      context.height === context.width ? placeCosts(costTable({ ...config(context), imageSide: context.height })) : undefined,
    literal: {
      print: (architecture) => printGenotype(architectureGenotype(architecture, nodes)),
      parse: (text) => genotypeArchitecture(parseGenotype(text)),
    },
    draw: (architecture) => cellPictures(architectureGenotype(architecture, nodes)),
  };
}
