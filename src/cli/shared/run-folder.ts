/** @file The folder that a search leaves: config, metrics, genotype, pictures and weights; and reading it again. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import * as v from 'valibot';
import { DataFileError } from '../../contract/errors.ts';
import { makeFolder, writeFileWhole } from '../../files/write.ts';
import { readWeights, weightBytes } from '../../files/weights.ts';
import type { StateDict } from '../../nn/module.ts';
import { lineChart } from '../../plot/index.ts';
import { drawCell } from '../../snas/space/draw.ts';
import { printGenotype } from '../../snas/space/genotype-literal.ts';
import type { Genotype } from '../../snas/space/genotype.ts';
import type { EpochMetrics } from '../../snas/search/config.ts';
import { type RunConfig, searchSettings } from '../settings/search.ts';
import { schemaOf } from '../settings/setting.ts';

const configSchema = schemaOf(searchSettings);

/** genotype.json. */
export interface FoundGenotype {
  readonly genotype: Genotype;
  /** DARTS's literal. */
  readonly literal: string;
  readonly validationAccuracy: number;
  readonly testAccuracy: number;
  /** The same child with the supernet's own running batch-norm statistics. */
  readonly testAccuracyWithRunningStatistics: number;
  /** False where the run was stopped before its last step. */
  readonly complete: boolean;
}

export class RunFolder {
  readonly path: string;
  constructor(folder: string) {
    this.path = folder;
  }

  file(name: string): string {
    return path.join(this.path, name);
  }

  /** Makes the folder; a run that is there already is not overwritten. */
  async create(config: RunConfig): Promise<void> {
    await makeFolder(this.path);
    if (existsSync(this.file('config.json'))) {
      throw new DataFileError(`${this.path} holds a run already: choose another --out, or continue it with --resume ${this.path}`);
    }
    await writeFileWhole(this.file('config.json'), `${JSON.stringify(config, undefined, 2)}\n`);
    await writeFileWhole(this.file('metrics.jsonl'), '');
  }

  async readConfig(): Promise<RunConfig> {
    const file = this.file('config.json');
    if (!existsSync(file)) throw new DataFileError(`${this.path} holds no run: there is no config.json`);
    const parsed = v.safeParse(configSchema, parseJson(file, await readFile(file, 'utf8')));
    if (!parsed.success) {
      const issue = parsed.issues[0];
      throw new DataFileError(`${file}: ${v.getDotPath(issue) ?? 'the file'}: ${issue.message}`);
    }
    return parsed.output;
  }

  /** One line an epoch. What depends on the clock stands in `times`, apart from what the seed decides. */
  async addMetrics(metrics: EpochMetrics, seconds: number): Promise<void> {
    const { imagesPerSecond, ...seeded } = metrics;
    const file = this.file('metrics.jsonl');
    const line = JSON.stringify({ ...seeded, times: { imagesPerSecond, seconds } });
    await writeFileWhole(file, `${await readFile(file, 'utf8')}${line}\n`);
  }

  async readMetrics(): Promise<EpochMetrics[]> {
    const file = this.file('metrics.jsonl');
    const lines = (await readFile(file, 'utf8')).split('\n').filter((line) => line !== '');
    return lines.map((line) => {
      const { times, ...seeded } = parseJson(file, line) as EpochMetrics & { times: { imagesPerSecond: number } };
      return { ...seeded, imagesPerSecond: times.imagesPerSecond };
    });
  }

  /** Drops lines of steps after the checkpoint that a run continues from, and of an epoch that it interrupted. */
  async truncateMetrics(step: number, stepsPerEpoch: number): Promise<void> {
    const file = this.file('metrics.jsonl');
    const lines = (await readFile(file, 'utf8')).split('\n').filter((line) => line !== '');
    // The line of an epoch that was interrupted goes too: the epoch is finished now and gets a line of its own.
    const kept = lines.filter((line) => {
      const { step: at } = parseJson(file, line) as EpochMetrics;
      return at <= step && at % stepsPerEpoch === 0;
    });
    await writeFileWhole(file, kept.map((line) => `${line}\n`).join(''));
  }

  /** Everything needed to continue: weights, architecture, optimisers, step. */
  async saveCheckpoint(state: StateDict): Promise<void> {
    await writeFileWhole(this.file('checkpoint.safetensors'), weightBytes(state));
  }

  async readCheckpoint(): Promise<StateDict> {
    return (await readWeights(this.file('checkpoint.safetensors'))).tensors;
  }

  /** Supernet and child weights, without optimiser state. */
  async saveWeights(state: StateDict, child: StateDict): Promise<void> {
    const kept = Object.entries(state).filter(([name]) => name.startsWith('supernet.') || name.startsWith('architecture.'));
    await writeFileWhole(this.file('weights.safetensors'), weightBytes(Object.fromEntries(kept)));
    await writeFileWhole(this.file('child.safetensors'), weightBytes(child));
  }

  async saveGenotype(found: Omit<FoundGenotype, 'literal'>): Promise<void> {
    const { genotype } = found;
    await writeFileWhole(
      this.file('genotype.json'),
      `${JSON.stringify({ literal: printGenotype(genotype), ...found }, undefined, 2)}\n`,
    );
    await writeFileWhole(this.file('normal.svg'), drawCell(genotype, 'normal'));
    await writeFileWhole(this.file('reduction.svg'), drawCell(genotype, 'reduce'));
  }

  async saveCurves(metrics: readonly EpochMetrics[]): Promise<void> {
    const line = (name: string, of: (m: EpochMetrics) => number): { name: string; points: { x: number; y: number }[] } => ({
      name,
      points: metrics.map((m) => ({ x: m.epoch + 1, y: of(m) })),
    });
    const last = metrics.at(-1);
    const description = last
      ? `After ${last.epoch + 1} epochs: training accuracy ${last.trainAccuracy.toFixed(3)}, sampled parent ${last.parentAccuracy.toFixed(3)}, ` +
        `derived child ${last.childAccuracy.toFixed(3)}, entropy of an edge ${last.entropy.toFixed(3)} nats.`
      : 'No epoch was finished.';
    const curves = lineChart({
      title: 'Search',
      description,
      xLabel: 'epoch',
      yLabel: 'accuracy; fraction of ln 8; fraction of the largest cost',
      yInclude: [0, 1],
      series: [
        line('training (parents)', (m) => m.trainAccuracy),
        line('validation, parent', (m) => m.parentAccuracy),
        line('validation, child', (m) => m.childAccuracy),
        line('entropy / ln 8', (m) => m.entropy / Math.log(8)),
        line('expected cost', (m) => m.expectedCost),
      ],
    });
    await writeFileWhole(this.file('curves.svg'), curves);
  }
}

function parseJson(file: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new DataFileError(`${file} is not JSON: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}
