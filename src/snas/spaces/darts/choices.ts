/** @file The choices of the DARTS space: one an edge of each cell type, and genotypes as architectures. */
import { NONE, type Architecture } from '../../space/architecture.ts';
import { type ChoiceSpec, SpaceLayout } from '../../space/layout.ts';
import {
  CELL_INPUTS,
  CELL_TYPES,
  type CellEdge,
  type CellType,
  checkGenotype,
  edgesOf,
  type Genotype,
  type GenotypeEdge,
  isOperation,
  nodeCount,
  OPERATIONS,
  searchedEdges,
} from './genotype.ts';

/** The choice of an edge, the `index`-th of its cell. Its noise is the edge's stretch of one sequence a cell type. */
export function edgeChoice(type: CellType, { from, to }: CellEdge, index: number): ChoiceSpec {
  return {
    name: `${type}/${from}->${to}`,
    options: OPERATIONS,
    noise: { folds: [CELL_TYPES.indexOf(type)], offset: index * OPERATIONS.length },
  };
}

/** The choices of both cell types of so many nodes, whether or not a network has cells of both. */
export function edgeChoices(nodes: number): ChoiceSpec[] {
  return CELL_TYPES.flatMap((type) => edgesOf(nodes).map((edge, e) => edgeChoice(type, edge, e)));
}

/** The layout of a DARTS space of cells of so many nodes: one matrix [2 edges, operations], normal cells' edges first. */
export function dartsLayout(nodes: number): SpaceLayout {
  return new SpaceLayout(edgeChoices(nodes));
}

/** A genotype as an architecture; edges that it does not list are left out, which is `none`. GenotypeError for one of another space. */
export function genotypeArchitecture(genotype: Genotype): Architecture {
  return Object.fromEntries(
    CELL_TYPES.flatMap((type) =>
      searchedEdges('architecture', genotype, type).map((edge) => [edgeChoice(type, edge, 0).name, edge.operation] as const),
    ),
  );
}

/** An architecture of a DARTS space as a genotype: each edge that it names is listed, `none` included, and all nodes are put out. */
export function architectureGenotype(architecture: Architecture, nodes: number): Genotype {
  const concat = Array.from({ length: nodes }, (_, i) => i + CELL_INPUTS);
  const cell = (type: CellType): GenotypeEdge[] =>
    edgesOf(nodes).flatMap((edge, e) => {
      const operation = architecture[edgeChoice(type, edge, e).name];
      return isOperation(operation) ? [{ operation, ...edge }] : [];
    });
  const [normal, reduce] = CELL_TYPES.map((type) => {
    const edges = cell(type);
    // A genotype lists something: an edge that is none says the same as one that is left out.
    return edges.length > 0 ? edges : edgesOf(nodes).map((edge): GenotypeEdge => ({ operation: NONE, ...edge }));
  }) as [GenotypeEdge[], GenotypeEdge[]];
  return checkGenotype({ normal, normalConcat: concat, reduce, reduceConcat: concat });
}

/** Intermediate nodes of the larger of a genotype's cells. */
export function genotypeNodes(genotype: Genotype): number {
  return Math.max(nodeCount(genotype, 'normal'), nodeCount(genotype, 'reduce'));
}
