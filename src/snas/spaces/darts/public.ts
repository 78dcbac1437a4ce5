/** @file The public names of the DARTS space. */
export { ChildCell, type EdgeMask, MixedCell } from './cell.ts';
export { childSize, type ChildSize } from './child-size.ts';
export { architectureGenotype, dartsLayout, genotypeArchitecture } from './choices.ts';
export { cellSides, costTable as edgeCostTable, type EdgeCostTable, operationCost } from './cost-table.ts';
export { drawCell, drawEvolution, drawGenotype } from './draw.ts';
export { genotypeFromJson, parseGenotype, printGenotype } from './genotype-literal.ts';
export {
  activeEdges,
  CELL_TYPES,
  type ChildOperation,
  type CellEdge,
  type CellType,
  cellOf,
  checkGenotype,
  edgesOf,
  type Genotype,
  type GenotypeEdge,
  genotypeFromChoices,
  nodeCount,
  type OperationName,
  operationNumber,
  OPERATIONS,
  OTHER_OPERATIONS,
} from './genotype.ts';
export { darts, dartsConfig, type DartsSettings } from './index.ts';
export { cellShapes, cellTypes, ChildNetwork, type ChildOptions, Supernet } from './network.ts';
export { type NetworkConfig, type SupernetSize, supernetSize } from './network-config.ts';
export { FactorizedReduce, operation } from './operations.ts';
export { genotype, PUBLISHED_LITERALS, PUBLISHED_NAMES, type PublishedName } from './published.ts';
export { topTwoArchitecture, topTwoEdges } from './top-two.ts';
