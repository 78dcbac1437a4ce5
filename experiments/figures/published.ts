/** @file A result as files: what was measured with what made it, and the account that follows from that alone. */
import path from 'node:path';
import { writeFileWhole } from 'reparam/command';
import type { Experiment, Measured } from './experiment.ts';
import type { JobTimes } from './job-clock.ts';
import { describePart, type JudgedFinding, judgePage } from './verdict.ts';

/** What made a result. */
export interface Provenance {
  readonly command: string;
  readonly date: string;
  readonly reparam: string;
  readonly node: string;
  readonly device: string;
  /** Wall clock of the whole command. */
  readonly seconds: number;
  readonly searches?: JobTimes;
  readonly trainings?: JobTimes;
}

/** NAME.json: everything that an account needs. */
export interface ResultFile extends Provenance, Measured {
  readonly experiment: string;
  readonly figure: string;
}

/** The account of a result: its findings, and its files by suffix of the experiment's name. */
export interface Account {
  readonly findings: readonly JudgedFinding[];
  readonly files: Readonly<Record<string, string>>;
}

/** As it is kept: six digits say all that a few seeds can. */
export function resultFile(experiment: Experiment, made: Provenance, { setting, data }: Measured): ResultFile {
  const whole = { experiment: experiment.name, figure: experiment.figure, ...made, setting, data };
  return JSON.parse(JSON.stringify(whole, rounded)) as ResultFile;
}

function rounded(_name: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(6)) : value;
}

/** What a result's data say: the same text and pictures whenever it is asked. */
export function accountOf(experiment: Experiment, file: ResultFile): Account {
  const { findings, table, pictures } = experiment.report(file);
  const judged = judgePage(findings);
  return {
    findings: judged,
    files: {
      '.json': `${JSON.stringify({ ...file, findings: judged.map(recorded) }, rounded, 1)}\n`,
      '.md': markdown(experiment, file, judged, table, Object.keys(pictures)),
      ...Object.fromEntries(Object.entries(pictures).map(([suffix, svg]) => [`${suffix}.svg`, svg])),
    },
  };
}

/** Writes an account's files; returns its text. */
export async function publish(experiment: Experiment, file: ResultFile, folder: string): Promise<string> {
  const { files } = accountOf(experiment, file);
  for (const [suffix, text] of Object.entries(files)) await writeFileWhole(path.join(folder, `${experiment.name}${suffix}`), text);
  return files['.md']!;
}

function recorded({ id, claim, seen, parts, verdict }: JudgedFinding): unknown {
  return {
    id,
    claim,
    seen,
    verdict,
    parts: parts.map(({ name, judgement: { region, ...judgement } }) => ({
      name,
      ...judgement,
      ...(region.low > -Infinity && { above: region.low }),
      ...(region.high < Infinity && { below: region.high }),
    })),
  };
}

function markdown(
  experiment: Experiment,
  file: ResultFile,
  findings: readonly JudgedFinding[],
  table: string | undefined,
  pictures: readonly string[],
): string {
  const { command, date, reparam, node, device, seconds, setting } = file;
  const title = experiment.figure.charAt(0).toUpperCase() + experiment.figure.slice(1);
  const comparisons = findings.reduce((n, f) => n + f.parts.length, 0);
  const times = [describeTimes('search', 'searches', file.searches), describeTimes('training', 'trainings', file.trainings)];
  return `${[
    `# ${title}: ${experiment.summary}`,
    `${setting}.`,
    ...findings.flatMap((f) => [
      `**Claim.** ${f.claim} **${f.verdict.charAt(0).toUpperCase()}${f.verdict.slice(1)}.**${f.seen === '' ? '' : ` ${f.seen}`}`,
      f.parts.map((p) => `- ${describePart(p)}`).join('\n'),
    ]),
    ...(table === undefined ? [] : [table]),
    ...pictures.map((suffix) => `![${experiment.name}${suffix}](${experiment.name}${suffix}.svg)`),
    `${experiment.plan} Brackets are Student's 95 % intervals, each by itself; p-values are two-sided and corrected for the ${comparisons} comparisons of this page (Holm). A claim is held where the interval is in the region named, refuted where it is outside, else undecided.`,
    `Made by \`${command}\` on ${date}, reparam ${reparam}, Node ${node}, ${device}, in ${seconds} s${times.join('')}.`,
  ].join('\n\n')}\n`;
}

function describeTimes(one: string, many: string, times: JobTimes | undefined): string {
  if (!times) return '';
  const { count, seconds, secondsNow } = times;
  const spent =
    secondsNow === seconds
      ? 'all of it now'
      : `of which ${secondsNow} s now and the rest when they were first run, for they are kept`;
  return `; ${count} ${count === 1 ? one : many}, ${seconds} s in the sum of their processes, ${spent}`;
}
