/**
 * @file The genotype as text: DARTS's Python literal, read and printed, and JSON.
 *
 * `Genotype(normal=[('sep_conv_3x3', 1), ...], normal_concat=range(2, 6), reduce=[...], reduce_concat=range(2, 6))`. An entry is
 * (operation, input node); the node that it enters follows from its place: two entries a node (DARTS), or 2, 3, 4, ... entries
 * for the first, second, third, ... node (every edge, SNAS), or a list for each node.
 */
import { largestOf } from '../../../contract/extremes.ts';
import { GenotypeError } from '../../../contract/errors.ts';
import { quote } from '../../../contract/quote.ts';
import { CELL_INPUTS, checkGenotype, type Genotype, type GenotypeEdge, isOperation, operationNames } from './genotype.ts';
import { LiteralReader, targetsOf } from './literal-reader.ts';

/**
 * Reads the literal as it is pasted from Python code or from a log: after `DARTS_V2 =` or other words, over several lines, with comments and
 * trailing commas, in tuples or lists, with `np.int64(0)` and `np.str_('none')` for numbers and names, a list for each node, and None after an
 * entry's node. GenotypeError for anything else, whose `place` has line, column and what was expected.
 */
export function parseGenotype(text: string): Genotype {
  return checkGenotype(new LiteralReader(text).genotype());
}

/** The literal, on one line. A cell must list two edges for every node, or every edge: the literal can say nothing else. */
export function printGenotype(genotype: Genotype): string {
  const entries = (type: string, edges: readonly GenotypeEdge[], concat: readonly number[]): string => {
    const targets = targetsOf(
      edges.map((e) => e.from),
      largestOf([CELL_INPUTS, ...concat]),
    );
    if (edges.some((e, i) => e.to !== targets?.[i])) {
      throw new GenotypeError(
        `printGenotype: the ${type} cell lists neither two edges for each node nor all edges, which is all the literal can say; use JSON`,
      );
    }
    return `[${edges.map(({ operation, from }) => `('${operation}', ${from})`).join(', ')}]`;
  };
  const output = (concat: readonly number[]): string => {
    const first = concat[0]!;
    const run = concat.every((node, i) => node === first + i);
    return run ? `range(${first}, ${first + concat.length})` : `[${concat.join(', ')}]`;
  };
  const { normal, normalConcat, reduce, reduceConcat } = checkGenotype(genotype);
  return (
    `Genotype(normal=${entries('normal', normal, normalConcat)}, normal_concat=${output(normalConcat)}, ` +
    `reduce=${entries('reduce', reduce, reduceConcat)}, reduce_concat=${output(reduceConcat)})`
  );
}

/** Reads the JSON form: the fields of `Genotype`, edges as { operation, from, to }. */
export function genotypeFromJson(value: unknown): Genotype {
  const object = objectOf(value, 'a genotype');
  const edges = (name: string): GenotypeEdge[] =>
    list(object[name], name).map((item, i) => {
      const edge = objectOf(item, `${name}[${i}]`);
      const operation = edge['operation'];
      if (!isOperation(operation)) throw unknownOperation(operation);
      return { operation, from: integer(edge['from'], `${name}[${i}].from`), to: integer(edge['to'], `${name}[${i}].to`) };
    });
  const nodes = (name: string): number[] => list(object[name], name).map((item, i) => integer(item, `${name}[${i}]`));
  return checkGenotype({
    normal: edges('normal'),
    normalConcat: nodes('normalConcat'),
    reduce: edges('reduce'),
    reduceConcat: nodes('reduceConcat'),
  });
}

function objectOf(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (!isObject(value)) throw new GenotypeError(`genotypeFromJson: ${what} must be an object`);
  return value;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function list(value: unknown, what: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new GenotypeError(`genotypeFromJson: ${what} must be an array`);
  return value;
}

function integer(value: unknown, what: string): number {
  if (typeof value !== 'number' || !Number.isInteger(value))
    throw new GenotypeError(`genotypeFromJson: ${what} must be an integer`);
  return value;
}

function unknownOperation(name: unknown): GenotypeError {
  const shown = typeof name === 'string' ? quote(name) : `of type ${typeof name}`;
  return new GenotypeError(`unknown operation ${shown}; it is one of ${operationNames().join(', ')}`);
}
