/** @file The public names of reparam/credit: how much of the loss each edge of a cell is to be credited with. */
export { type Edge, edgeCredits, mixingCredits } from './edge.ts';
