/**
 * @file The watch-repair task of RUDDER's authors: one decision, then 50 steps of chance, then a return. An anchor from outside.
 *
 * A watch of one of four brands comes in; repair it or not. Not repairing returns 0. Repairing returns price - repair cost - delivery
 * cost of the brand - costs of traffic jams and flat tyres on the way, all unknown until the end. Two brands pay, two do not, by
 * 1.5 to 3.5 on average, in noise of standard deviation 11. Source: the README of github.com/ml-jku/rudder-demonstration-code.
 */
import { type Device, foldIn, key, type Key, normals, uniforms } from 'reparam';
import { type Lesson, Rudder } from './rudder.ts';

const BRANDS = [
  { price: 18, repair: 1, repairVariance: 2, delivery: 0.5, deliveryVariance: 1.5 },
  { price: 28, repair: 4, repairVariance: 2, delivery: 2.5, deliveryVariance: 1.5 },
  { price: 31, repair: 5, repairVariance: 2, delivery: 4.5, deliveryVariance: 1.5 },
  { price: 59, repair: 24.5, repairVariance: 1, delivery: 18, deliveryVariance: 1.5 },
] as const;
/** Expected number of events on the way, whatever its length: 50 steps with probabilities 0.1 and 0.05 in the original. */
const JAM = { cost: 0.1, expected: 5 };
const TYRE = { cost: 7, expected: 2.5 };
const DEFAULT_STEPS = 50;

/** Brand one-hot (4) and action one-hot (2) at the first step; then whether there was a jam, and a flat tyre, at each. */
export const WATCH_FEATURES = 8;

/** Expected return of repairing each brand: -1.5, 3.5, 3.5, -1.5. */
export const expectedReturns: readonly number[] = BRANDS.map(
  (b) => b.price - b.repair - b.delivery - JAM.cost * JAM.expected - TYRE.cost * TYRE.expected,
);

export interface WatchLesson extends Lesson {
  /** The part of the return that is paid at the first step in the original: minus the cost of the repair. */
  readonly immediate: number;
}

/**
 * One episode with the given brand and action (0 repairs, 1 does not). Jams and flat tyres are events of a repaired watch's way alone, unless `always`: the
 * original has them, without a cost, on the way of one that is not repaired too.
 */
export function watchEpisode(k: Key, brand: number, action: number, steps: number = DEFAULT_STEPS, always = false): WatchLesson {
  const features = Array.from({ length: steps }, () => new Float64Array(WATCH_FEATURES));
  features[0]![brand] = 1;
  features[0]![4 + action] = 1;
  if (action !== 0 && !always) return { features, return: 0, immediate: 0 };
  const b = BRANDS[brand]!;
  const chance = uniforms(foldIn(k, 0), 2 * steps);
  const [first, second] = normals(foldIn(k, 1), 2);
  const immediate = -b.repair - Math.sqrt(b.repairVariance) * first!;
  let total = b.price + immediate - b.delivery - Math.sqrt(b.deliveryVariance) * second!;
  for (let t = 0; t < steps; t++) {
    if (chance[2 * t]! < JAM.expected / steps) {
      features[t]![6] = 1;
      total -= JAM.cost;
    }
    if (chance[2 * t + 1]! < TYRE.expected / steps) {
      features[t]![7] = 1;
      total -= TYRE.cost;
    }
  }
  return action === 0 ? { features, return: total, immediate } : { features, return: 0, immediate: 0 };
}

export type WatchMethod = 'RUDDER' | 'TD(0)' | "TD(0), its authors' setting" | 'MC' | 'MC, sample average';
export const watchMethods: readonly WatchMethod[] = ['RUDDER', 'TD(0)', "TD(0), its authors' setting", 'MC', 'MC, sample average'];

export interface WatchResult {
  readonly method: WatchMethod;
  readonly seed: number;
  /** Episodes until 95 % of the last 750 greedy decisions were right; `limit` if that did not happen. */
  readonly episodes: number;
  readonly solved: boolean;
  readonly lstmUpdates: number;
}

const WINDOW = 750;
const RATE = 0.1;
const LESSONS = 2048;
const FIRST_LESSONS = 256;

/** Where the original differs from what is alike for all methods here. */
export interface WatchSetting {
  /** Share of episodes whose decision is drawn at random. */
  readonly exploration: number;
  /** Whether a decision is judged as it was made, exploration included, or as it would have been made greedily. */
  readonly judged: 'made' | 'greedy';
  /** Every value of TD at the start. */
  readonly optimism: number;
  /** Whether jams and flat tyres, without a cost, meet a watch that is not repaired too. */
  readonly always: boolean;
}

export const OURS: WatchSetting = { exploration: 0.2, judged: 'greedy', optimism: 0, always: false };
/** As in Environment.py of the authors' repository. */
export const ORIGINAL: WatchSetting = { exploration: 0.1, judged: 'made', optimism: 10, always: true };

export interface WatchOptions {
  /** Default: `ORIGINAL` for the method of that name, else `OURS`. */
  readonly setting?: WatchSetting;
  /** Steps on the way; fewer keep the expected costs. Default 50. */
  readonly steps?: number;
  /** Give up after this many episodes. Default 60,000. */
  readonly limit?: number;
}

/** Learns the task by one method, greedy but for the exploration, learning rate 0.1 (as in the original), until solved. */
export async function learnWatchRepair(
  device: Device,
  method: WatchMethod,
  seed: number,
  options: WatchOptions = {},
): Promise<WatchResult> {
  const { steps = DEFAULT_STEPS, limit = 60_000 } = options;
  const k = key(seed);
  const setting = options.setting ?? (method === "TD(0), its authors' setting" ? ORIGINAL : OURS);
  const learner = makeLearner(device, method, foldIn(k, 1), setting);
  const recent: boolean[] = [];
  let right = 0;
  for (let episode = 0; episode < limit; episode++) {
    const e = foldIn(foldIn(k, 2), episode);
    const [which, explore, random, tie] = uniforms(e, 4);
    const brand = Math.floor(which! * BRANDS.length);
    const [repair, leave] = learner.qualities(brand);
    const greedy = repair === leave ? Math.floor(tie! * 2) : repair > leave ? 0 : 1;
    const action = explore! < setting.exploration ? Math.floor(random! * 2) : greedy;
    const correct = (setting.judged === 'made' ? action : greedy) === (expectedReturns[brand]! > 0 ? 0 : 1);
    recent.push(correct);
    right += Number(correct);
    if (recent.length > WINDOW) right -= Number(recent.shift());
    if (recent.length === WINDOW && right >= 0.95 * WINDOW) {
      return { method, seed, episodes: episode + 1, solved: true, lstmUpdates: learner.updates() };
    }
    await learner.learn(watchEpisode(e, brand, action, steps, setting.always), brand, action, episode);
  }
  return { method, seed, episodes: limit, solved: false, lstmUpdates: learner.updates() };
}

interface Learner {
  /** Q of repairing and of leaving. */
  qualities(brand: number): readonly [number, number];
  learn(lesson: WatchLesson, brand: number, action: number, episode: number): Promise<void>;
  updates(): number;
}

function makeLearner(device: Device, method: WatchMethod, k: Key, { optimism }: WatchSetting): Learner {
  if (method.startsWith('TD(0)')) return tdLearner(optimism);
  if (method === 'RUDDER') return rudderLearner(device, k);
  return monteCarloLearner(method === 'MC' ? () => RATE : (visits) => 1 / visits);
}

function monteCarloLearner(rate: (visits: number) => number): Learner {
  const q = BRANDS.map((): [number, number] => [0, 0]);
  const visits = BRANDS.map((): [number, number] => [0, 0]);
  return {
    qualities: (brand) => q[brand]!,
    learn: async (lesson, brand, action) => {
      const n = ++visits[brand]![action as 0 | 1];
      q[brand]![action as 0 | 1] += rate(n) * (lesson.return - q[brand]![action as 0 | 1]);
    },
    updates: () => 0,
  };
}

/**
 * Q-learning on the states as the task gives them: brand, repaired or not, jams and flat tyres so far, time. After the decision only
 * chance acts, so this is TD(0) on the visited states. The repair is paid at the first step. `optimism` is every value at the start: 10 in the original.
 */
function tdLearner(optimism: number): Learner {
  const start = BRANDS.map((): [number, number] => [optimism, optimism]);
  const later = BRANDS.map(() => [new Map<number, number>(), new Map<number, number>()] as const);
  return {
    qualities: (brand) => start[brand]!,
    learn: async (lesson, brand, action) => {
      const side = action as 0 | 1;
      const table = later[brand]![side];
      const { immediate } = lesson;
      let jams = 0;
      let tyres = 0;
      let state = -1;
      lesson.features.forEach((f, t) => {
        jams += f[6]!;
        tyres += f[7]!;
        const next = (jams * 64 + tyres) * 1024 + t;
        const last = t === lesson.features.length - 1;
        const target = (state < 0 ? immediate : 0) + (last ? lesson.return - immediate : (table.get(next) ?? optimism));
        if (state < 0) start[brand]![side] += RATE * (target - start[brand]![side]);
        else table.set(state, (table.get(state) ?? optimism) + RATE * (target - (table.get(state) ?? optimism)));
        state = next;
      });
    },
    updates: () => 0,
  };
}

function rudderLearner(device: Device, k: Key): Learner {
  const rudder = new Rudder(device, { inputs: WATCH_FEATURES, key: k, returnScale: 10, batch: 32 });
  const lessons: Lesson[] = [];
  const q = BRANDS.map((): [number, number] => [0, 0]);
  let average = 1;
  return {
    qualities: (brand) => q[brand]!,
    learn: async (lesson, brand, action, episode) => {
      lessons[episode % LESSONS] = lesson;
      if (lessons.length < FIRST_LESSONS) return;
      if (lessons.length === FIRST_LESSONS || episode % 25 === 0) average = await trainUntil(rudder, lessons, average);
      // The decision is the first step, and its new reward needs no later prediction.
      const [first] = await rudder.predict([{ features: lesson.features.slice(0, 1) }]);
      q[brand]![action as 0 | 1] += RATE * (first![0]! - q[brand]![action as 0 | 1]);
    },
    updates: () => rudder.updates,
  };
}

/** Trains until the running mean of the final prediction's error is below 0.15, at least 8 and at most 800 steps. */
async function trainUntil(rudder: Rudder, lessons: readonly Lesson[], average: number): Promise<number> {
  let mean = Math.max(average, 0.2);
  for (let i = 0; i < 800 && (mean > 0.15 || i < 8); i++) mean += 0.03 * ((await rudder.trainStep(lessons)) - mean);
  return mean;
}
