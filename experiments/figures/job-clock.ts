/** @file Runs an experiment's searches and trainings, says how each ended, and adds up what they cost, those kept from before included. */
import path from 'node:path';
import type { Device } from 'reparam';
import { StopRequest } from 'reparam/command';
import { runJobs, type SearchJob, type SearchRun, type TrainedCell, type TrainingJob } from 'reparam/jobs';

/** Seconds are those of the jobs themselves: with two at a time, about twice the wall clock. */
export interface JobTimes {
  readonly count: number;
  /** What all of them took when they were run. */
  readonly seconds: number;
  /** Of those, what was run by this command and not kept from an earlier one. */
  readonly secondsNow: number;
}

export interface JobClockOptions {
  readonly device: Device;
  readonly processes: number;
  readonly say: (line: string) => void;
}

/** Where finished jobs are kept. */
const SEARCHES = path.join('runs', 'searches');
const TRAININGS = path.join('runs', 'trainings');

function listen(): StopRequest {
  return StopRequest.listen((reason) => {
    process.stderr.write(
      `\nstopping (${reason}): what is finished is kept in ${SEARCHES} and ${TRAININGS}, and the same command goes on from there\n`,
    );
  });
}

export class JobClock {
  readonly #options: JobClockOptions;
  readonly #finished: Record<'search' | 'training', { readonly seconds: number; readonly kept: boolean }[]> = {
    search: [],
    training: [],
  };

  constructor(options: JobClockOptions) {
    this.#options = options;
  }

  get searches(): JobTimes {
    return total(this.#finished.search);
  }

  get trainings(): JobTimes {
    return total(this.#finished.training);
  }

  async search(jobs: readonly SearchJob[]): Promise<SearchRun[]> {
    using stop = listen();
    const finished = await runJobs(
      'search',
      jobs,
      { ...this.#options, cache: SEARCHES, signal: stop.signal },
      ({ answer, kept }, done) => {
        const { job, seconds, epochs } = answer;
        const last = epochs.at(-1);
        this.#finished.search.push({ seconds, kept });
        this.#options.say(
          `${done} of ${jobs.length}: ${job.strategy}, seed ${job.config.seed}, eta ${job.config.eta}: parent ${last?.parentAccuracy.toFixed(3)}, ` +
            `child ${(answer.childAccuracy ?? last?.childAccuracy)?.toFixed(3)}, entropy ${last?.entropy.toFixed(2)}, ${seconds.toFixed(0)} s${kept ? ' (kept from before)' : ''}`,
        );
      },
    );
    return finished.map((f) => f.answer);
  }

  async train(jobs: readonly TrainingJob[]): Promise<TrainedCell[]> {
    using stop = listen();
    const finished = await runJobs(
      'training',
      jobs,
      { ...this.#options, cache: TRAININGS, signal: stop.signal },
      ({ answer: { seed, error, parameters, seconds }, kept }, done) => {
        this.#finished.training.push({ seconds, kept });
        this.#options.say(
          `${done} of ${jobs.length} trained: seed ${seed}, ${parameters} parameters, test error ${(100 * error).toFixed(2)} %, ${seconds.toFixed(0)} s`,
        );
      },
    );
    return finished.map((f) => f.answer);
  }
}

function total(finished: readonly { readonly seconds: number; readonly kept: boolean }[]): JobTimes {
  const sum = (list: typeof finished): number => Math.round(list.reduce((s, f) => s + f.seconds, 0));
  return { count: finished.length, seconds: sum(finished), secondsNow: sum(finished.filter((f) => !f.kept)) };
}
