/** @file Audits of a run under many draws of Z and batch: measures of each, by place and by choice. */
import { DataFileError, type Device, foldIn, key, permutation } from 'reparam';
import { type AuditReport, auditSpace, type PlaceEdge, spearman } from 'reparam/credit';
import { disposeBatch } from 'reparam/data';
import { samples } from 'reparam/jobs';
import { loadRun, type LoadedRun } from 'reparam/runs';
import { STRATEGY_NAMES } from 'reparam/baselines';

export interface DrawOptions {
  readonly images: number;
  readonly draws: number;
  readonly seed: number;
  /** Default: that of the step whose weights are loaded. */
  readonly temperature?: number | undefined;
  readonly points?: number;
  readonly secondOrder?: boolean;
  readonly places?: (edge: PlaceEdge) => boolean;
  readonly onDraw?: (done: number) => void;
}

/** How a list of credits stands to the exact ones. */
export interface Agreement {
  /** |credit - exact| / |exact| in norm. */
  readonly gap: number;
  /** Spearman's rank correlation. */
  readonly rank: number;
  /** Share of them whose sign is not that of the exact one. */
  readonly wrongSigns: number;
  /** Share of the five largest exact ones that are among the five largest credits. */
  readonly topFive: number;
}

export interface DrawAudit {
  readonly report: AuditReport;
  /** First-order credits of single places against the ablation of the place. */
  readonly places: Agreement;
  /** First-order credits of choices (sums over tied places) against the ablation of all their places at once. */
  readonly choices: Agreement;
}

/**
 * Loads a run for credits. DataFileError, in one line with the strategy's name, where Z is not drawn from softmax(log alpha) choice by choice:
 * there is then no independent Z of a choice, and no exact credit of it.
 */
export async function loadAuditable(folder: string, device: Device): Promise<LoadedRun> {
  const run = await loadRun(folder, { device });
  if (run.strategy.sampled) return run;
  const { strategy } = run.config;
  run.dispose();
  throw new DataFileError(
    `credit: ${folder} was searched by ${strategy}, whose Z is not drawn from softmax(log alpha) choice by choice, so no credit of a choice is exact ` +
      `under it: take a run of ${STRATEGY_NAMES.filter(samples).join(', ')}`,
  );
}

/** Audits what is loaded of a run under draws of its own Z on test images. */
export async function auditDraws(run: LoadedRun, options: DrawOptions): Promise<DrawAudit[]> {
  const { images, draws, seed, temperature = run.temperature, points = 0, secondOrder = false, places } = options;
  const found: DrawAudit[] = [];
  for (let d = 0; d < draws; d++) {
    const k = foldIn(key(seed), d);
    const order = permutation(foldIn(k, 0), run.count('test'));
    const batch = run.batch('test', order.subarray(0, Math.min(images, order.length)));
    const z = run.draw(foldIn(k, 1), temperature);
    const report = await auditSpace(run.space, z, batch, { task: run.search.task, points, secondOrder, ...(places && { places }) });
    disposeBatch(batch);
    for (const t of z) t.dispose();
    found.push({
      report,
      places: agreement(
        report.places.map((p) => p.taylor),
        report.places.map((p) => p.ablation),
      ),
      choices: agreement(
        report.choices.map((c) => c.taylor),
        report.choices.map((c) => c.ablation),
      ),
    });
    options.onDraw?.(d + 1);
  }
  return found;
}

export function agreement(credits: readonly number[], exact: readonly number[]): Agreement {
  const length = (v: readonly number[]): number => Math.hypot(...v);
  return {
    gap: length(credits.map((v, i) => v - exact[i]!)) / length(exact),
    rank: spearman(credits, exact),
    wrongSigns: credits.filter((v, i) => Math.sign(v) !== Math.sign(exact[i]!)).length / credits.length,
    topFive: topFive(credits, exact),
  };
}

function topFive(credits: readonly number[], exact: readonly number[]): number {
  const best = (v: readonly number[]): number[] => [...v.keys()].sort((a, b) => v[b]! - v[a]!).slice(0, 5);
  const wanted = best(exact);
  const got = new Set(best(credits));
  return wanted.filter((i) => got.has(i)).length / wanted.length;
}

/** The mean of each place's or choice's credit over draws. */
export function meanOf(rows: readonly (readonly number[])[]): number[] {
  return rows[0]!.map((_, i) => rows.reduce((s, row) => s + row[i]!, 0) / rows.length);
}
