/** @file A ledger of claims: a sentence, the command that checks it, and where its verdict comes from. */
import path from 'node:path';
import { allOf, holm, type Verdict } from 'reparam/credit';
import type { Part } from '../figures/experiment.ts';
import { describePart } from '../figures/verdict.ts';
import { type PublishedFigure, textOf } from './figures.ts';

/** A finding of a published figure, or some of its comparisons. */
interface OfFigure {
  readonly figure: string;
  readonly finding: string;
  /** By their place; default: all. */
  readonly parts?: readonly number[];
}

/** Tests that prove the sentence, or its opposite; their titles begin so. They say how many instances, which seed and which tolerance. */
interface OfTests {
  readonly tests: string;
  readonly titles: readonly string[];
  readonly verdict: Exclude<Verdict, 'undecided'>;
}

/** Comparisons that are computed from a kept result. */
interface OfData {
  readonly result: string;
  readonly command: string;
  /** What the data say of the sentence; undefined where they do not have what it takes. */
  readonly judge: (data: never) => readonly Part[] | undefined;
}

/** Nothing was kept that decides it: the command does. */
interface OfNothing {
  readonly command: string;
  readonly because: string;
}

export type Evidence = OfFigure | OfTests | OfData | OfNothing;

export interface Claim {
  /** Of the article. */
  readonly section: string;
  readonly sentence: string;
  readonly evidence: readonly Evidence[];
}

/** A line of the ledger, with its verdict. */
export interface Line {
  readonly section: string;
  readonly sentence: string;
  readonly commands: readonly string[];
  /** What was seen. */
  readonly seen: readonly string[];
  readonly verdict: Verdict;
}

interface Seen {
  readonly command: string;
  readonly text: string;
  readonly verdict: Verdict;
}

/** What the evidence of all claims says, from what is in the repository. An Error for evidence that is not there any more. */
export function linesOf(claims: readonly Claim[], root: string, figures: readonly PublishedFigure[]): Line[] {
  const judged = judgeData(claims, root);
  return claims.map((claim) => {
    const seen = claim.evidence.map((e) => seenOf(e, root, figures, judged));
    return {
      section: claim.section,
      sentence: claim.sentence,
      commands: [...new Set(seen.map((s) => s.command))],
      seen: seen.map((s) => s.text),
      verdict: allOf(seen.map((s) => s.verdict)),
    };
  });
}

type JudgedData = ReadonlyMap<OfData, readonly Part[]>;

/** Comparisons from kept data, corrected together for all that are made of one result. */
function judgeData(claims: readonly Claim[], root: string): JudgedData {
  const evidence = claims.flatMap((c) => c.evidence).filter((e) => 'result' in e);
  const judged = new Map<OfData, readonly Part[]>();
  for (const result of new Set(evidence.map((e) => e.result))) {
    const text = textOf(path.join(root, `docs/results/${result}.json`));
    if (text === undefined) continue;
    const data = JSON.parse(text) as never;
    const found = evidence.filter((e) => e.result === result).map((e) => ({ e, parts: e.judge(data) ?? [] }));
    const corrected = holm(found.flatMap(({ parts }) => parts.map((p) => p.judgement)));
    let next = 0;
    for (const { e, parts } of found) {
      judged.set(
        e,
        parts.map((p) => ({ ...p, judgement: corrected[next++]! })),
      );
    }
  }
  return judged;
}

function seenOf(evidence: Evidence, root: string, figures: readonly PublishedFigure[], judged: JudgedData): Seen {
  if ('figure' in evidence) return seenInFigure(evidence, figures);
  if ('tests' in evidence) return seenInTests(evidence, root);
  if ('result' in evidence) return seenInData(evidence, judged);
  return { command: evidence.command, text: evidence.because, verdict: 'undecided' };
}

function seenInFigure({ figure: name, finding: id, parts: places }: OfFigure, figures: readonly PublishedFigure[]): Seen {
  const figure = figures.find((f) => f.name === name);
  if (!figure) return { command: `npm run experiment -- ${name}`, text: 'no result is kept', verdict: 'undecided' };
  const finding = figure.findings.find((f) => f.id === id);
  if (!finding) throw new Error(`docs/results/${name}.json has no finding '${id}'`);
  const parts = places ? places.map((p) => finding.parts[p]!) : finding.parts;
  return {
    command: figure.command,
    text: `${parts.map(describePart).join('; ')} ([${name}](results/${name}.md))`,
    verdict: places ? allOf(parts.map((p) => p.judgement.verdict)) : finding.verdict,
  };
}

function seenInTests({ tests, titles, verdict }: OfTests, root: string): Seen {
  const source = (textOf(path.join(root, tests)) ?? '').replace(/\\(['"])/g, '$1');
  for (const title of titles) {
    if (!source.includes(title)) throw new Error(`${tests} has no test '${title}': what a claim stands on is gone`);
  }
  const proven = verdict === 'held' ? 'proven' : 'its opposite proven';
  return {
    command: `npm test -- --project cpu ${tests}`,
    text: `${proven} by test: ${titles.map((t) => `"${t}"`).join('; ')}`,
    verdict,
  };
}

function seenInData(evidence: OfData, judged: JudgedData): Seen {
  const { result, command } = evidence;
  const parts = judged.get(evidence) ?? [];
  if (parts.length === 0) return { command, text: 'no result is kept that decides it', verdict: 'undecided' };
  return {
    command,
    text: `${parts.map(describePart).join('; ')} ([${result}](results/${result}.md))`,
    verdict: allOf(parts.map((p) => p.judgement.verdict)),
  };
}
