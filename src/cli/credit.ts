/** @file `reparam credit identity | audit | delayed` and `reparam estimators`: the credit laboratory. */
import path from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { headNames, type HeadName } from '../credit/heads.ts';
import { type AuditFlags, runAudit } from './credit/audit.ts';
import { type DelayedFlags, runDelayed } from './credit/delayed.ts';
import { type EstimatorFlags, runEstimators } from './credit/estimators.ts';
import { type IdentityFlags, runIdentity } from './credit/identity.ts';
import { positiveInteger, positiveList } from './credit/report.ts';

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const FOLDER = path.join('runs', 'credit');

/** `reparam credit` with its three subcommands. */
export function registerCredit(program: Command): void {
  const credit = program.command('credit').description('how much of the loss each edge is credited with, and how exact that is');
  credit
    .command('identity')
    .description('the published credit identity and the true ones, by quadrature and by sampling')
    .addOption(new Option('--head <name>', 'one loss head (default: all)').choices(headNames))
    .option('--lambda <list>', 'temperatures, with commas', positiveList, [1, 0.5, 0.1, 0.02])
    .option('--samples <n>', 'paired samples on the network of six edges', positiveInteger, 100_000)
    .option('--seed <n>', 'seed of the samples', positiveInteger, 1)
    .option('--out <folder>', 'where JSON, Markdown and SVG are written', FOLDER)
    .action((flags: IdentityFlags) => runIdentity(flags, say));
  credit
    .command('delayed')
    .description('credit when the reward comes only at the end: TD, Monte Carlo, RUDDER, REINFORCE, SNAS')
    .option('--seeds <n>', 'seeds of the tree and of the race', positiveInteger, 3)
    .option('--samples <n>', 'samples of the gradients by depth', positiveInteger, 16_384)
    .option('--watch-seeds <n>', 'seeds of watch repair', positiveInteger, 5)
    .option('--watch-limit <n>', 'episodes after which watch repair is given up', positiveInteger, 100_000)
    .option('--out <folder>', 'where JSON, Markdown and SVG are written', FOLDER)
    .action((flags: DelayedFlags) => runDelayed(flags, say));
  credit
    .command('audit')
    .description("how far a searched supernet's credits are from exact, edge by edge")
    .requiredOption('--run <folder>', 'the folder that a search left')
    .option('--cells <list>', 'only these cells, with commas', indexList)
    .option('--images <n>', 'test images in the batch', positiveInteger, 32)
    .option('--temperature <lambda>', "temperature of the sampled Z (default: the search's last)", positive)
    .option('--second-order', 'also the second-order credit: a Hessian-vector product an edge, which takes most of the time')
    .option('--points <n>', 'points of the integrated credit; 0 leaves it out', natural, 0)
    .option('--seed <n>', 'seed of Z and of the batch', positiveInteger, 1)
    .option('--out <folder>', 'where JSON, Markdown and SVG are written (default: the run)')
    .action((flags: AuditFlags) => runAudit(flags, say));
}

/** `reparam estimators`. */
export function registerEstimators(program: Command): void {
  program
    .command('estimators')
    .description('gradient estimators of E[f(D)] against exact enumeration: bias, spread, cosine, cost, by temperature')
    .addOption(new Option('--head <name>', 'the loss head').choices(headNames).default('softmax' satisfies HeadName))
    .option('--nodes <m>', 'nodes after the input: m (m + 1) / 2 edges', positiveInteger, 2)
    .option('--operations <n>', 'operations an edge; at most 4,096 architectures', positiveInteger, 3)
    .option('--temperatures <list>', 'with commas', positiveList, [2, 1, 0.5, 0.25, 0.1, 0.05])
    .option('--samples <n>', 'samples an estimator and temperature', positiveInteger, 20_480)
    .option('--seed <n>', 'seed of the network and of the samples', positiveInteger, 1)
    .option('--out <folder>', 'where JSON, Markdown and SVG are written', FOLDER)
    .action((flags: EstimatorFlags) => runEstimators(flags, say));
}

function positive(text: string): number {
  const [value, ...more] = positiveList(text);
  if (more.length > 0) throw new InvalidArgumentError('It must be one number.');
  return value!;
}

function natural(text: string): number {
  const n = Number(text);
  if (!Number.isSafeInteger(n) || n < 0) throw new InvalidArgumentError('It must be an integer of 0 or more.');
  return n;
}

function indexList(text: string): number[] {
  return text.split(',').map(natural);
}
