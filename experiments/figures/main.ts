/** @file `npm run experiment`: the process of the figures' command. */
import { runCommand } from 'reparam/command';
import { experimentCommand } from './command.ts';

process.exitCode = await runCommand(experimentCommand, process.argv.slice(2));
