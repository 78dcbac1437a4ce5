/** @file `reparam verify`: says file by file what of a run is whole; the exit code is 1 if anything is not. */
import { largestOf } from '../../contract/extremes.ts';
import path from 'node:path';
import type { Command } from 'commander';
import { EXIT } from '../../command/exit-codes.ts';
import { DataFileError, ReparamError } from '../../contract/errors.ts';
import { readSafetensors } from '../../export/safetensors.ts';
import { LIST, nodeSha256, type Standing } from '../../files/listed-folder.ts';
import { isFolder } from '../../files/system.ts';
import { readWeights } from '../../files/weights.ts';
import { isTemporary } from '../../files/write.ts';
import { stepInName } from '../shared/checkpoints.ts';
import { RunFolder } from '../shared/run-folder.ts';

/** What makes a folder one of ours: a search has all, a training its result. */
const OURS = [LIST, 'config.json', 'result.json'];
/** Made by whoever is at work in the folder, and by nobody else. */
const PASSING = /^run\.lock/;

interface Judgement {
  readonly name: string;
  readonly bad: boolean;
  readonly says: string;
}

export function registerVerify(program: Command): void {
  program
    .command('verify')
    .description('say file by file what of a run folder, or of one weights file, is whole')
    .argument('<run>', 'the folder of a search or a training, or a safetensors file')
    .action(async (target: string) => {
      const judgements = (await isFolder(target)) ? await verifyFolder(target) : [await verifyFile(target)];
      const bad = judgements.filter((j) => j.bad).length;
      process.stdout.write(`${columns(judgements)}\n`);
      const sum = `${judgements.length} ${judgements.length === 1 ? 'file' : 'files'}`;
      process.stdout.write(bad === 0 ? `${target}: ${sum}, nothing damaged\n` : `${target}: ${bad} of ${sum} damaged or missing\n`);
      if (bad > 0) process.exitCode = EXIT.failed;
    });
}

function columns(judgements: readonly Judgement[]): string {
  const width = largestOf(judgements.map(({ name }) => name.length));
  return judgements.map(({ name, says }) => `${name.padEnd(width)}  ${says}`).join('\n');
}

async function verifyFile(file: string): Promise<Judgement> {
  const { checksum } = await readWeights(file);
  return { name: path.basename(file), bad: false, says: checksum === undefined ? 'readable; it has no checksum' : 'whole' };
}

async function verifyFolder(target: string): Promise<Judgement[]> {
  const run = await RunFolder.open(target);
  const there = await run.files.names();
  if (!OURS.some((name) => there.includes(name)))
    throw new DataFileError(`${target} holds no run: there is none of ${OURS.join(', ')}`);
  const names = [...new Set([...there, ...run.files.listed])]
    .filter((name) => !PASSING.test(name))
    .sort((a, b) => (a < b ? -1 : 1));
  const judgements: Judgement[] = [];
  for (const name of names) judgements.push(await judge(run, name));
  return judgements;
}

async function judge(run: RunFolder, name: string): Promise<Judgement> {
  const good = (says: string): Judgement => ({ name, bad: false, says });
  const bad = (says: string): Judgement => ({ name, bad: true, says });
  if (name === LIST) return run.files.damage === undefined ? good('whole') : bad('damaged: it is not what was written');
  if (isTemporary(name)) return good('left by a killed process: never read, and removed at the next start');
  if (await isFolder(run.file(name))) return good('a folder, not of this run');
  const standing = await run.files.standing(name);
  if (standing === 'missing') return bad(`missing: ${LIST} names it`);
  try {
    const says = await inside(run, name, standing);
    return standing === 'changed' ? bad(`damaged: it is not what ${LIST} says was written`) : good(says);
  } catch (error) {
    if (!(error instanceof ReparamError)) throw error;
    const file = run.file(name);
    const why = error.message.startsWith(file) ? error.message.slice(file.length).replace(/^:? /, '') : error.message;
    return bad(/\b(damaged|cut)\b/.test(why) ? why : `damaged: ${why}`);
  }
}

/** What the content of a file says of it. Throws what reading it would throw. */
async function inside(run: RunFolder, name: string, standing: Standing): Promise<string> {
  const listed = standing === 'unlisted' ? `readable; ${LIST} does not name it` : 'whole';
  if (name === 'config.json') {
    return `${listed}, run folder of format ${await run.readFormat()}`;
  }
  if (name === 'metrics.jsonl') {
    const { lines, cut } = await run.readMetrics();
    if (cut !== undefined) throw new DataFileError(`line ${cut} is cut: a resume drops it and computes its epoch again`);
    return `${listed}, ${lines.length} ${lines.length === 1 ? 'epoch' : 'epochs'}`;
  }
  if (!name.endsWith('.safetensors')) return standing === 'unlisted' ? `${LIST} does not name it` : 'whole';
  const { bytes } = await run.files.read(name);
  const { metadata, checksum } = readSafetensors({ name: run.file(name), bytes }, { sha256: nodeSha256 });
  const ours = standing === 'whole' || stepInName(name) !== undefined;
  if (ours && checksum === undefined) throw new DataFileError('damaged: it has lost its checksum');
  return checksum === undefined ? `${listed}; it has no checksum` : `whole${checkpointDetails(metadata)}`;
}

/** What a checkpoint is of. */
function checkpointDetails(metadata: Readonly<Record<string, string>>): string {
  const { step, data, 'settings.sha256': settings, 'data.sha256': digest } = metadata;
  if (step === undefined || settings === undefined || digest === undefined) return '';
  return `, step ${step}, settings ${settings.slice(0, 12)}, data ${digest.slice(0, 12)} (${data})`;
}
