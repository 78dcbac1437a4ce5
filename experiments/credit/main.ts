/** @file `npm run credit -- identity | audit | along | delayed | swap | estimators`: the credit laboratory. */
import path from 'node:path';
import { Command, Option } from 'commander';
import { count, makeFolder, natural, numbers, positive, runCommand } from 'reparam/command';
import { headNames, type HeadName } from 'reparam/credit';
import { type AuditFlags, runAudit } from './audit.ts';
import { type AxiomFlags, runAxioms } from './axioms.ts';
import { type DelayedFlags, runDelayed } from './delayed.ts';
import { assumptionNames, type DerivationFlags, runDerivation } from './derivation.ts';
import { type DecompositionFlags, runDecomposition } from './decomposition.ts';
import { type JitterFlags, runJitter } from './jitter.ts';
import { runSpoiled, type SpoiledFlags } from './spoiled.ts';
import { type DepthFlags, runDepth } from './depth.ts';
import { type RaceFlags, runRace } from './race.ts';
import { type EstimatorFlags, runEstimators } from './estimators.ts';
import { type InstancesFlags, runInstances } from './instances.ts';
import { type IdentityFlags, runIdentity } from './identity.ts';
import { type AlongFlags, runAlong } from './runs/along.ts';
import { runSwap, type SwapFlags } from './swap/command.ts';
import { type RunIdentityFlags, runSupernetIdentity } from './runs/identity.ts';

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const FOLDER = path.join('runs', 'credit');
/** Samples of the identity on a search. */
const RUN_SAMPLES = 1000;

const positiveList = numbers('positive numbers', (list) => list.every((v) => v > 0));
const indexList = numbers('integers of 0 or more', (list) => list.every((v) => Number.isSafeInteger(v) && v >= 0));

/** The command line with its commands. */
function creditCommand(): Command {
  const credit = new Command('npm run credit --')
    .exitOverride()
    .showHelpAfterError('(add --help for the options)')
    .description('how much of the loss each edge is credited with, and how exact that is')
    // Where nothing can be written is found out before the work, not after.
    .hook('preAction', async (_credit, command) => {
      const { out } = command.opts<{ readonly out?: string }>();
      if (out !== undefined) await makeFolder(out);
    });
  credit
    .command('identity')
    .description('the published credit identity and the true ones, by quadrature and by sampling')
    .addOption(new Option('--head <name>', 'one loss head (default: all)').choices(headNames))
    .option('--lambda <list>', 'temperatures, with commas', positiveList, [1, 0.5, 0.1, 0.02])
    .option('--samples <n>', 'paired samples on the network of six edges', count, 100_000)
    .option('--seed <n>', 'seed of the samples', count, 1)
    .option('--out <folder>', 'where JSON, Markdown and SVG are written', FOLDER)
    .option('--run <folder>', 'instead: on the supernet and the images of a search')
    .option('--at <list>', 'of a search: after these of the kept steps (default: the last)', indexList)
    .option('--images <n>', 'of a search: training images in the batch of a sample', count, 16)
    .action((flags: IdentityFlags & Partial<RunIdentityFlags>, command: Command) => {
      const { run, lambda, samples, images = 16, ...rest } = flags;
      if (run === undefined) return runIdentity(flags, say);
      const typed = (name: string): boolean => command.getOptionValueSource(name) === 'cli';
      const chosen = { ...rest, run, images, samples: typed('samples') ? samples : RUN_SAMPLES };
      return runSupernetIdentity({ ...chosen, ...(typed('lambda') && { lambda }) }, say);
    });
  credit
    .command('derivation')
    .description(
      'each line of the argument from E[L] to score times R_ij, by two independent computations; the first that breaks, and what mends it',
    )
    .addOption(
      new Option('--drop <assumption...>', 'assumptions to drop together (default: none, then each by itself)').choices(
        assumptionNames,
      ),
    )
    .addOption(new Option('--operations <n>', 'operations of each place').choices(['2', '3', '4']).default(2).argParser(Number))
    .option('--seed <n>', 'seed of the network', count, 11)
    .option('--page <file>', 'writes the page with all combinations there: docs/derivation.md')
    .action((flags: DerivationFlags) => runDerivation(flags, say));
  credit
    .command('axioms')
    .description(
      'which credits keep which axioms, by proof or smallest counterexample, and how far each is from an exact policy gradient',
    )
    .option('--networks <n>', 'networks of 729 architectures on which distances are enumerated', count, 20)
    .option('--search <n>', 'lets fast-check look for counterexamples anew, among so many games a cell', natural, 0)
    .option('--out <folder>', 'where JSON and Markdown are written', FOLDER)
    .action((flags: AxiomFlags) => runAxioms(flags, say));
  credit
    .command('delayed')
    .description('values when the reward comes only at the end: TD and Monte Carlo on chains and trees, RUDDER on watch repair')
    .option('--seeds <n>', 'seeds of the tree', count, 10)
    .option('--watch-seeds <n>', 'seeds of watch repair', count, 5)
    .option('--watch-limit <n>', 'episodes after which watch repair is given up', count, 100_000)
    .option('--out <folder>', 'where JSON, Markdown and SVG are written', FOLDER)
    .action((flags: DelayedFlags) => runDelayed(flags, say));
  credit
    .command('audit')
    .description("how far a searched supernet's credits are from exact, edge by edge")
    .requiredOption('--run <folder>', 'the folder that a search left')
    .option('--cells <list>', 'only these cells, with commas', indexList)
    .option('--at <step>', 'after this step, of those that --keep-weights kept (default: the last)', natural)
    .option('--draws <n>', 'draws of Z and batch', count, 20)
    .option('--images <n>', 'test images in the batch', count, 32)
    .option('--temperature <lambda>', "temperature of the sampled Z (default: the step's own)", positive)
    .option('--float64', 'in float64 (default: the float32 kernels, which give the R of a run on the CPU to the bit)')
    .option('--second-order', 'also the second-order credit: a Hessian-vector product an edge, which takes most of the time')
    .option('--points <n>', 'points of the integrated credit; 0 leaves it out', natural, 0)
    .option('--seed <n>', 'seed of Z and of the batches', count, 1)
    .option('--out <folder>', 'where JSON, Markdown and SVG are written (default: the run)')
    .action((flags: AuditFlags) => runAudit(flags, say));
  credit
    .command('along')
    .description('how first-order credits order places, and how many have the wrong sign, at the kept steps of searches')
    .requiredOption('--run <folders...>', 'folders of searches with --keep-weights')
    .option('--draws <n>', 'draws of Z and batch, a step and search', count, 4)
    .option('--images <n>', 'test images in the batch', count, 32)
    .option('--seed <n>', 'seed of Z and of the batches', count, 1)
    .option('--out <folder>', 'where JSON, Markdown and SVG are written', FOLDER)
    .action((flags: AlongFlags) => runAlong(flags, say));
  credit
    .command('swap')
    .description('learning races in which only the credit is exchanged: on random enumerated spaces, or in searches')
    .option('--spaces <n>', 'random spaces, in eight kinds', count, 128)
    .option('--seeds <n>', 'seeds of each space', count, 10)
    .option('--steps <n>', 'steps of the pathwise update; the others have as many, or as many as cost the same', count, 240)
    .option('--lr <x>', 'learning rate of Adam on log alpha', positive, 0.05)
    .option(
      '--searches',
      'instead: searches of the smoke preset, ten seeds take about an hour of a free core; what is done is kept',
    )
    .option('--search-seeds <n>', 'seeds of the searches', count, 10)
    .option('--epochs <n>', 'epochs of a search', count, 4)
    .option('--seed <n>', 'seed of spaces and noise', count, 1)
    .option('--out <folder>', 'where JSON, Markdown and SVG are written', FOLDER)
    .action((flags: SwapFlags) => runSwap(flags, say));
  credit
    .command('estimators')
    .description('gradient estimators of E[f(D)] against exact enumeration: bias, spread, cosine, cost, by temperature')
    .option('--head <name>', `the loss head: ${headNames.join(', ')}, or a FILE that makes one`, 'softmax' satisfies HeadName)
    .option('--network <file>', 'a FILE that makes the network, in place of the built-in one')
    .option('--estimators <file>', 'a FILE that makes one or more estimators, to be judged beside the built-in ones')
    .option('--nodes <m>', 'nodes after the input: m (m + 1) / 2 edges', count, 2)
    .option('--operations <n>', 'operations an edge; at most 4,096 architectures', count, 3)
    .option('--temperatures <list>', 'with commas', positiveList, [2, 1, 0.5, 0.25, 0.1, 0.05])
    .option('--samples <n>', 'samples an estimator and temperature', count, 20_480)
    .option('--seed <n>', 'seed of the network and of the samples', count, 1)
    .option('--out <folder>', 'where JSON, Markdown and SVG are written', FOLDER)
    .action((flags: EstimatorFlags) => runEstimators(flags, say));
  credit
    .command('instances')
    .description('direction, sign, bias and baselines over random instances: quantiles and sign tests')
    .option('--edges <n>', 'instances of one edge, a head', count, 200)
    .option('--spaces <n>', 'instances of 27 architectures, a head', count, 100)
    .option('--networks <n>', 'instances of 729 architectures, a head', count, 20)
    .option('--samples <n>', 'samples an instance of 27 architectures', count, 4096)
    .option('--limit-samples <n>', 'samples of the straight-through limits', count, 65_536)
    .option('--out <folder>', 'where JSON and Markdown are written', FOLDER)
    .action((flags: InstancesFlags) => runInstances(flags, say));
  credit
    .command('depth')
    .description('how the spread of gradient estimators grows with depth, over four families of chains')
    .option('--depths <list>', 'numbers of decisions, with commas', indexList, [3, 9, 27])
    .option('--chains <n>', 'chains a family and depth', count, 20)
    .option('--samples <n>', 'samples a chain', count, 4096)
    .option('--temperature <lambda>', 'temperature', positive, 0.5)
    .option('--out <folder>', 'where JSON, Markdown and SVG are written', FOLDER)
    .action((flags: DepthFlags) => runDepth(flags, say));
  credit
    .command('race')
    .description('the error of the policy gradient that tables, RUDDER, REINFORCE and SNAS imply, by operation count')
    .option('--instances <n>', 'decision processes with rewards of their own', count, 10)
    .option('--seeds <n>', 'seeds on each', count, 10)
    .option('--rudder-seeds <n>', 'of these, how many RUDDER runs on: its training takes most of the time', count, 2)
    .option('--budgets <list>', 'forward passes of one architecture, with commas', indexList, [90, 270, 900, 2700, 9000])
    .option('--lstm-steps <n>', "steps of RUDDER's LSTM at every budget", count, 300)
    .option('--temperature <lambda>', 'temperature of the relaxed gradient', positive, 0.5)
    .option('--out <folder>', 'where JSON, Markdown and SVG are written', FOLDER)
    .action((flags: RaceFlags) => runRace(flags, say));
  credit
    .command('spoiled')
    .description('what a wrong value of a later state does to earlier ones, and how long TD takes to repair it')
    .option('--seeds <n>', 'seeds of the trees', count, 10)
    .option('--rate <a>', 'learning rate', positive, 0.1)
    .option('--out <folder>', 'where JSON, Markdown and SVG are written', FOLDER)
    .action((flags: SpoiledFlags) => runSpoiled(flags, say));
  credit
    .command('jitter')
    .description('the variance of Monte Carlo values by state, with the reward at the end and with each reward at once')
    .option('--depth <t>', 'steps', count, 6)
    .option('--options <n>', 'options a step', count, 3)
    .option('--episodes <n>', 'episodes a repeat', count, 2000)
    .option('--repeats <n>', 'repeats a process', count, 400)
    .option('--processes <n>', 'processes with rewards of their own', count, 10)
    .option('--rate <a>', 'fixed learning rate', positive, 0.1)
    .option('--out <folder>', 'where JSON, Markdown and SVG are written', FOLDER)
    .action((flags: JitterFlags) => runJitter(flags, say));
  credit
    .command('decomposition')
    .description("how good redistributions of the return are, RUDDER's and those of edge credits, by exact differences of Q")
    .addOption(new Option('--head <name>', 'loss head of the networks').choices(headNames).default('softmax' satisfies HeadName))
    .option('--instances <n>', 'decision processes with rewards of their own', count, 10)
    .option('--episodes <list>', 'episodes that RUDDER learns from, with commas', indexList, [100, 1000, 3000])
    .option('--lstm-steps <n>', "steps of RUDDER's LSTM", count, 300)
    .option('--out <folder>', 'where JSON and Markdown are written', FOLDER)
    .action((flags: DecompositionFlags) => runDecomposition(flags, say));
  return credit;
}

process.exitCode = await runCommand(creditCommand, process.argv.slice(2));
