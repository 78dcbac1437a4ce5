/**
 * @file Means of the identity's terms over samples, and what is read from them: slope and cosine to the gradient with the noise of the means taken
 * out, shares of the gap, wrong signs. Inner products of means are of different blocks of samples (split-half, over all pairs of blocks), so noise
 * adds nothing to them in the mean; standard errors are the delete-one-block jackknife's.
 */
import { OptionError } from 'reparam';
import { chiSquareTail, VectorMoments } from 'reparam/credit';
import type { SupernetSample } from './supernet-samples.ts';

/** A figure with its standard error. */
export interface Estimate {
  readonly value: number;
  readonly error: number;
}

/** What is read of some coordinates: of one choice or place, or of many. */
export interface IdentityReading {
  /** |E[pathwise]|: the gradient's length. */
  readonly gradient: Estimate;
  /** <published, gradient> / <gradient, gradient>, and the cosine between both. */
  readonly slope: Estimate;
  readonly cosine: Estimate;
  /** The same of the ablation of the whole choice: 1 and 1, by the identity. Absent by place. */
  readonly groupSlope?: Estimate;
  readonly groupCosine?: Estimate;
  /** Parts of slope - 1. */
  readonly place: Estimate;
  readonly tied: Estimate;
  readonly kinks: Estimate;
  /** slope - 1 less its parts: 0 within the noise. */
  readonly rest: Estimate;
  /** Components whose sign is told apart from 0 by two standard errors in both, and how many of them differ in sign. */
  readonly resolved: number;
  readonly wrongSigns: number;
}

const BLOCKS = 20;
const KINDS = ['pathwise', 'published', 'place', 'tied', 'kinks'] as const;
type Kind = (typeof KINDS)[number];
type Sums = Record<Kind | 'group', Float64Array>;

export class SupernetTerms {
  readonly #choices: readonly number[];
  readonly #options: readonly number[];
  /** Where a place's and a choice's components begin. */
  readonly #placeAt: readonly number[];
  readonly #choiceAt: readonly number[];
  readonly #blocks: {
    readonly counts: number[];
    n: number;
    readonly byPlace: Record<Kind, Float64Array>;
    readonly group: Float64Array;
  }[];
  readonly #moments: Record<'pathwise' | 'published', VectorMoments>;
  readonly #differences: readonly VectorMoments[];
  readonly #heldMean: Float64Array;
  readonly #withoutMean: Float64Array;
  readonly #withoutCount: Int32Array;
  #count = 0;

  /** Choice of each place; options of each choice. */
  constructor(choices: readonly number[], options: readonly number[]) {
    this.#choices = choices;
    this.#options = options;
    const ends = (sizes: readonly number[]): number[] => sizes.reduce<number[]>((list, n) => [...list, list.at(-1)! + n], [0]);
    this.#placeAt = ends(choices.map((c) => options[c]!));
    this.#choiceAt = ends(options);
    const total = this.#placeAt.at(-1)!;
    this.#blocks = Array.from({ length: BLOCKS }, () => ({
      n: 0,
      counts: options.map(() => 0),
      byPlace: Object.fromEntries(KINDS.map((kind) => [kind, new Float64Array(total)])) as Record<Kind, Float64Array>,
      group: new Float64Array(this.#choiceAt.at(-1)!),
    }));
    const size = this.#choiceAt.at(-1)!;
    this.#moments = { pathwise: new VectorMoments(size), published: new VectorMoments(size) };
    this.#differences = options.map((n) => new VectorMoments(n - 1));
    this.#heldMean = new Float64Array(choices.length);
    this.#withoutMean = new Float64Array(options.length);
    this.#withoutCount = new Int32Array(options.length);
  }

  get count(): number {
    return this.#count;
  }

  /** Which choices to ablate in the next sample, where not all are: in turn, so that each block of samples gets each of them. */
  toAblate(most: number): number[] {
    const n = this.#options.length;
    const first = Math.floor(this.#count / BLOCKS) * most;
    return Array.from({ length: Math.min(most, n) }, (_, i) => (first + i) % n);
  }

  add(sample: SupernetSample): void {
    const block = this.#blocks[this.#count % BLOCKS]!;
    block.n++;
    const whole = { pathwise: new Float64Array(this.#choiceAt.at(-1)!), published: new Float64Array(this.#choiceAt.at(-1)!) };
    this.#choices.forEach((c, p) => {
      // Means of the samples before are constants to this one, and E[score] = 0.
      const held = sample.held[p]! - (this.#count > 0 ? this.#heldMean[p]! : 0);
      for (let k = 0; k < this.#options[c]!; k++) {
        const at = this.#placeAt[p]! + k;
        const published = sample.score[c]![k]! * held;
        block.byPlace.published[at]! += published;
        for (const kind of ['pathwise', 'place', 'tied', 'kinks'] as const) block.byPlace[kind][at]! += sample[kind][p]![k]!;
        whole.pathwise[this.#choiceAt[c]! + k]! += sample.pathwise[p]![k]!;
        whole.published[this.#choiceAt[c]! + k]! += published;
      }
      this.#heldMean[p]! += (sample.held[p]! - this.#heldMean[p]!) / (this.#count + 1);
    });
    this.#moments.pathwise.add(whole.pathwise);
    this.#moments.published.add(whole.published);
    sample.without.forEach((without, c) => {
      if (without === undefined) return;
      block.counts[c]!++;
      const before = this.#withoutCount[c]!++;
      const centred = without - (before > 0 ? this.#withoutMean[c]! : 0);
      this.#withoutMean[c]! += (without - this.#withoutMean[c]!) / (before + 1);
      const group = sample.score[c]!.map((s) => s * centred);
      group.forEach((v, k) => (block.group[this.#choiceAt[c]! + k]! += v));
      const n = this.#options[c]! - 1;
      this.#differences[c]!.add(group.slice(0, n).map((v, k) => v - whole.pathwise[this.#choiceAt[c]! + k]!));
    });
    this.#count++;
  }

  /** Of some choices together, each with all its places. */
  choices(of: readonly number[]): IdentityReading {
    return this.#read(
      of.flatMap((c) => this.#choices.flatMap((choice, p) => (choice === c ? [{ c, p }] : []))),
      of,
    );
  }

  /** Of one place: what its own Z, if it were not tied, would be moved by. */
  place(p: number): IdentityReading {
    return this.#read([{ c: this.#choices[p]!, p }], undefined);
  }

  /** P of the differences between the group ablation's and the pathwise gradient, choice by choice (Hotelling), times their number: Holm's smallest. */
  groupTest(): { readonly p: number; readonly choices: number } {
    const tests = this.#differences.filter((m) => m.count > 2 * m.size + 2);
    const ps = tests.map((m) => {
      const { statistic } = m.chiSquare(new Float64Array(m.size), [...m.mean.keys()]);
      // Of few samples Hotelling's statistic is larger than a chi-square; to first order by this factor.
      return chiSquareTail((statistic * (m.count - m.size)) / (m.count - 1), m.size);
    });
    return { p: Math.min(1, Math.min(...ps) * ps.length), choices: ps.length };
  }

  #read(places: readonly { readonly c: number; readonly p: number }[], choices: readonly number[] | undefined): IdentityReading {
    if (this.#count < 2 * BLOCKS) throw new OptionError(`identity: ${this.#count} samples are too few; take ${2 * BLOCKS} or more`);
    // Components: of each choice the sum over its places, or the place's own.
    const list = choices ?? [places[0]!.c];
    const width = list.reduce((n, c) => n + this.#options[c]!, 0);
    const means = this.#blocks.map((block): Sums => {
      const sums = Object.fromEntries([...KINDS, 'group'].map((kind) => [kind, new Float64Array(width)])) as Sums;
      let from = 0;
      for (const c of list) {
        for (let k = 0; k < this.#options[c]!; k++) {
          for (const { c: choice, p } of places) {
            if (choice !== c) continue;
            for (const kind of KINDS) sums[kind][from + k]! += block.byPlace[kind][this.#placeAt[p]! + k]! / block.n;
          }
          // NaN where a block has no ablation of the choice: it would count as one of no effect.
          sums.group[from + k] = block.group[this.#choiceAt[c]! + k]! / block.counts[c]!;
        }
        from += this.#options[c]!;
      }
      return sums;
    });
    const figures = (blocks: readonly Sums[]): Record<string, number> => {
      const inner = (a: keyof Sums, b: keyof Sums): number => {
        let all = 0;
        for (let i = 0; i < width; i++) {
          let sa = 0;
          let sb = 0;
          let same = 0;
          for (const block of blocks) {
            sa += block[a][i]!;
            sb += block[b][i]!;
            same += block[a][i]! * block[b][i]!;
          }
          all += sa * sb - same;
        }
        return all / (blocks.length * (blocks.length - 1));
      };
      const pp = inner('pathwise', 'pathwise');
      const slope = inner('published', 'pathwise') / pp;
      const part = (kind: Kind): number => inner(kind, 'pathwise') / pp;
      const [place, tied, kinks] = [part('place'), part('tied'), part('kinks')];
      return {
        gradient: Math.sqrt(Math.max(0, pp)),
        slope,
        cosine: inner('published', 'pathwise') / Math.sqrt(pp * inner('published', 'published')),
        groupSlope: inner('group', 'pathwise') / pp,
        groupCosine: inner('group', 'pathwise') / Math.sqrt(pp * inner('group', 'group')),
        place,
        tied,
        kinks,
        rest: slope - 1 - place - tied - kinks,
      };
    };
    const whole = figures(means);
    const left = means.map((_, j) => figures(means.filter((__, b) => b !== j)));
    const estimate = (name: string): Estimate => {
      const values = left.map((f) => f[name]!);
      const mean = values.reduce((a, b) => a + b, 0) / BLOCKS;
      const error = Math.sqrt(((BLOCKS - 1) / BLOCKS) * values.reduce((s, v) => s + (v - mean) ** 2, 0));
      return { value: whole[name]!, error };
    };
    let resolved = 0;
    let wrongSigns = 0;
    for (let i = 0; i < width; i++) {
      const z = (kind: Kind): number => {
        const values = means.map((m) => m[kind][i]!);
        const mean = values.reduce((a, b) => a + b, 0) / BLOCKS;
        return mean / Math.sqrt(values.reduce((s, v) => s + (v - mean) ** 2, 0) / (BLOCKS * (BLOCKS - 1)));
      };
      const [a, b] = [z('pathwise'), z('published')];
      if (!(Math.abs(a) > 2 && Math.abs(b) > 2)) continue;
      resolved++;
      if (a * b < 0) wrongSigns++;
    }
    const group = choices && { groupSlope: estimate('groupSlope'), groupCosine: estimate('groupCosine') };
    return {
      gradient: estimate('gradient'),
      slope: estimate('slope'),
      cosine: estimate('cosine'),
      ...group,
      place: estimate('place'),
      tied: estimate('tied'),
      kinks: estimate('kinks'),
      rest: estimate('rest'),
      resolved,
      wrongSigns,
    };
  }
}
