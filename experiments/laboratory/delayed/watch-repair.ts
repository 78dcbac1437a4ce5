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

/** One episode with the given brand and action (0 repairs, 1 does not). */
export function watchEpisode(k: Key, brand: number, action: number, steps: number = DEFAULT_STEPS): Lesson {
  const features = Array.from({ length: steps }, () => new Float64Array(WATCH_FEATURES));
  features[0]![brand] = 1;
  features[0]![4 + action] = 1;
  if (action !== 0) return { features, return: 0 };
  const b = BRANDS[brand]!;
  const chance = uniforms(foldIn(k, 0), 2 * steps);
  const [first, second] = normals(foldIn(k, 1), 2);
  let total = b.price - b.repair - Math.sqrt(b.repairVariance) * first! - b.delivery - Math.sqrt(b.deliveryVariance) * second!;
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
  return { features, return: total };
}

export type WatchMethod = 'RUDDER' | 'TD(0)' | 'MC' | 'MC, sample average';
export const watchMethods: readonly WatchMethod[] = ['RUDDER', 'TD(0)', 'MC', 'MC, sample average'];

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
const EXPLORATION = 0.2;
const LESSONS = 2048;
const FIRST_LESSONS = 256;

export interface WatchOptions {
  /** Steps on the way; fewer keep the expected costs. Default 50. */
  readonly steps?: number;
  /** Give up after this many episodes. Default 60,000. */
  readonly limit?: number;
}

/** Learns the task by one method, greedy with 20 % exploration, learning rate 0.1 (as in the original), until solved. */
export async function learnWatchRepair(
  device: Device,
  method: WatchMethod,
  seed: number,
  options: WatchOptions = {},
): Promise<WatchResult> {
  const { steps = DEFAULT_STEPS, limit = 60_000 } = options;
  const k = key(seed);
  const learner = makeLearner(device, method, foldIn(k, 1));
  const recent: boolean[] = [];
  let right = 0;
  for (let episode = 0; episode < limit; episode++) {
    const e = foldIn(foldIn(k, 2), episode);
    const [which, explore, random, tie] = uniforms(e, 4);
    const brand = Math.floor(which! * BRANDS.length);
    const [repair, leave] = learner.qualities(brand);
    const greedy = repair === leave ? Math.floor(tie! * 2) : repair > leave ? 0 : 1;
    const action = explore! < EXPLORATION ? Math.floor(random! * 2) : greedy;
    const correct = greedy === (expectedReturns[brand]! > 0 ? 0 : 1);
    recent.push(correct);
    right += Number(correct);
    if (recent.length > WINDOW) right -= Number(recent.shift());
    if (recent.length === WINDOW && right >= 0.95 * WINDOW) {
      return { method, seed, episodes: episode + 1, solved: true, lstmUpdates: learner.updates() };
    }
    await learner.learn(watchEpisode(e, brand, action, steps), brand, action, episode);
  }
  return { method, seed, episodes: limit, solved: false, lstmUpdates: learner.updates() };
}

interface Learner {
  /** Q of repairing and of leaving. */
  qualities(brand: number): readonly [number, number];
  learn(lesson: Lesson, brand: number, action: number, episode: number): Promise<void>;
  updates(): number;
}

function makeLearner(device: Device, method: WatchMethod, k: Key): Learner {
  if (method === 'TD(0)') return tdLearner();
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
 * chance acts, so this is TD(0) on the visited states.
 */
function tdLearner(): Learner {
  const start = BRANDS.map((): [number, number] => [0, 0]);
  const later = BRANDS.map(() => [new Map<number, number>(), new Map<number, number>()] as const);
  return {
    qualities: (brand) => start[brand]!,
    learn: async (lesson, brand, action) => {
      const side = action as 0 | 1;
      const table = later[brand]![side];
      let jams = 0;
      let tyres = 0;
      let state = -1;
      lesson.features.forEach((f, t) => {
        jams += f[6]!;
        tyres += f[7]!;
        const next = (jams * 64 + tyres) * 1024 + t;
        const target = t === lesson.features.length - 1 ? lesson.return : (table.get(next) ?? 0);
        if (state < 0) start[brand]![side] += RATE * (target - start[brand]![side]);
        else table.set(state, (table.get(state) ?? 0) + RATE * (target - (table.get(state) ?? 0)));
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
